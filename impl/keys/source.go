// Package keys is where keys come from and go to: a file that may change at any time, a trusted issuer's URL, and the commands
// that write the file. What a key may be is for package token to say.
package keys

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"kalsel.dev/refresh/impl/jwk"
)

// ErrUnavailable means that the keys of the trusted issuer are not known, or may be out of date. Whoever asked may try again.
var ErrUnavailable = errors.New("the issuer's keys are not available")

// errNoActive: a set that leaves the server without a key to sign with.
var errNoActive = errors.New("no key of the set may sign now")

// Config says where a Source has its keys from: File or Set, and Issuer if there is one.
type Config struct {
	// File is the path of a JWK Set with our own keys. It is read again whenever it changes.
	File string
	// AllowWeak lets secrets in File be shorter than their hash.
	AllowWeak bool
	// Set is our own keys if there is no File.
	Set *jwk.Set
	// Check refuses a set of our own keys that cannot be worked with; nil refuses none.
	Check func(*jwk.Set) error
	// Issuer is where a trusted issuer publishes its JWK Set: an https URL (http on loopback), or the path of a file.
	Issuer string
	Now    func() time.Time
	Log    *slog.Logger
}

// Source is a jwk.Source whose keys are replaced while it is used. It is safe for concurrent use.
type Source struct {
	c       Config
	pace    pace
	current atomic.Pointer[jwk.Set]

	file       *watched // nil without a File
	issuerFile *watched // nil unless Issuer is a path
	remote     *remote  // nil unless Issuer is a URL

	looking sync.Mutex // guards what the files remember

	mu     sync.Mutex // guards the parts that current is made of
	own    *jwk.Set
	theirs []*jwk.Key
	text   []byte // what theirs was read from
}

// New reads our own keys, and fails if they are no good. The issuer's are left to Run.
func New(c Config) (*Source, error) {
	s := &Source{c: c, pace: defaultPace(), own: c.Set}
	if err := s.setIssuer(); err != nil {
		return nil, err
	}
	if c.File == "" {
		return s, s.replaceOwn(c.Set)
	}
	s.file = &watched{path: c.File}
	data, _, err := s.file.read()
	if err != nil {
		return nil, err
	}
	s.warnOfReaders()
	return s, s.parseOwn(data)
}

// warnOfReaders says when everybody on the machine can read the keys. It is no error: container platforms mount secrets so.
func (s *Source) warnOfReaders() {
	if info, err := os.Stat(s.c.File); err == nil && info.Mode()&0o004 != 0 {
		s.c.Log.Warn("the key file can be read by every user of this machine", "path", s.c.File, "mode", info.Mode().String())
	}
}

func (s *Source) setIssuer() error {
	switch {
	case s.c.Issuer == "":
	case isURL(s.c.Issuer):
		r, err := newRemote(s)
		s.remote = r
		return err
	default:
		s.issuerFile = &watched{path: s.c.Issuer}
	}
	return nil
}

// Keys returns the keys of the moment.
func (s *Source) Keys() *jwk.Set { return s.current.Load() }

// Ready says why tokens cannot be redeemed: the issuer's keys have never been known (ErrUnavailable), or no key may sign.
func (s *Source) Ready() error {
	if s.Keys().Active(s.c.Now()) == nil {
		return errNoActive
	}
	return s.known()
}

func (s *Source) known() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.c.Issuer != "" && s.theirs == nil {
		return ErrUnavailable
	}
	return nil
}

// Refetch is for a token whose key is unknown: it sees to it that all keys are of this moment. ErrUnavailable means that the key may
// exist all the same. However often it is called, the issuer is asked at most once a second, and nobody waits longer than 2 seconds.
func (s *Source) Refetch(ctx context.Context) error {
	s.look(false)
	if s.remote == nil {
		return s.known()
	}
	if err := s.remote.fresh(ctx); err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return nil
}

// Run follows the files and the issuer until ctx ends.
func (s *Source) Run(ctx context.Context) {
	var tasks sync.WaitGroup
	tasks.Go(func() { s.follow(ctx) })
	if s.remote != nil {
		tasks.Go(func() { s.remote.run(ctx) })
	}
	tasks.Wait()
}

// Once does one time what Run does again and again.
func (s *Source) Once(ctx context.Context) error {
	s.look(false)
	if s.remote != nil {
		return s.remote.answer(ctx)
	}
	return s.known()
}

// parseOwn takes a new file of our own keys into use, or refuses all of it.
func (s *Source) parseOwn(data []byte) error {
	set, err := jwk.ParseSet(data, s.c.AllowWeak)
	if err != nil {
		return err
	}
	return s.replaceOwn(set)
}

func (s *Source) replaceOwn(set *jwk.Set) error {
	active := set.Active(s.c.Now())
	if active == nil {
		return errNoActive
	}
	if s.c.Check != nil {
		if err := s.c.Check(set); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.publish(set, s.theirs); err != nil {
		return err
	}
	if s.file != nil {
		s.c.Log.Info("keys are in use", "keys", len(set.All()), "active", active.ID(), "algorithm", active.Algorithm())
	}
	return nil
}

// parseTheirs takes a new set of the issuer's into use, or refuses all of it.
func (s *Source) parseTheirs(data []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if bytes.Equal(s.text, data) {
		return nil
	}
	theirs, leftOut, err := jwk.ParseIssuerKeys(data)
	if err != nil {
		return err
	}
	if err := s.publish(s.own, theirs); err != nil {
		return err
	}
	s.text = data
	s.c.Log.Info("the issuer's keys are in use", "keys", len(theirs))
	for _, reason := range leftOut {
		s.c.Log.Warn("a key of the issuer is left out", "reason", reason)
	}
	for _, key := range theirs {
		if slices.ContainsFunc(s.own.All(), func(own *jwk.Key) bool { return own.ID() == key.ID() }) {
			s.c.Log.Warn("a key of the issuer is left out: a key of ours has its ID", "id", key.ID())
		}
	}
	return nil
}

// publish composes the set that tokens are verified with. The caller holds mu.
func (s *Source) publish(own *jwk.Set, theirs []*jwk.Key) error {
	set := own
	if s.c.Issuer != "" {
		var err error
		if set, err = own.WithIssuer(theirs...); err != nil {
			return err
		}
	}
	s.own, s.theirs = own, theirs
	s.current.Store(set)
	return nil
}
