// Package keys is about where keys come from and go to: a file that may change at any time, the URL
// of a trusted issuer, and the commands that write the file. Package jwk decides which keys are
// acceptable.
package keys

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"kalsel.dev/refresh/impl/jwk"
)

// ErrUnavailable means that the keys of the trusted issuer are not known, or may be out of date.
// The caller may try again.
var ErrUnavailable = errors.New("the issuer's keys are not available")

var errNoActive = errors.New("no key of the set may sign now")

// Config tells a Source where its keys come from: File or Set, and Issuer if there is one.
type Config struct {
	// File is the path of a JWK Set with our own keys. It is read again whenever it changes.
	File string
	// AllowWeak lets secrets in File be shorter than their hash.
	AllowWeak bool
	// Set is our own keys if there is no File.
	Set *jwk.Set
	// Check returns an error for a set of our own keys that cannot be used; nil accepts every set.
	Check func(*jwk.Set) error
	// Issuer is where a trusted issuer publishes its JWK Set: an https URL (http on loopback), or
	// the path of a file.
	Issuer string
	// IssuerAlgorithm is the algorithm of the issuer's keys that have no alg, if their curve does
	// not decide it. If it is empty, such keys are left out.
	IssuerAlgorithm string
	Now             func() time.Time
	Log             *slog.Logger
}

// Source is a jwk.Source whose keys are replaced while it is used. It is safe for concurrent use.
type Source struct {
	c       Config
	every   intervals
	current atomic.Pointer[jwk.Set]
	fetched atomic.Int64 // when the issuer's keys were last read, or New was called; Unix nanoseconds
	changed atomic.Pointer[func(Replacement)]

	issuer *issuer // nil unless Config.Issuer is a URL

	files      sync.Mutex   // guards the two files
	file       *watchedFile // nil without a Config.File
	issuerFile *watchedFile // nil unless Config.Issuer is a path

	parts      sync.Mutex // guards the parts that current is composed of
	own        *jwk.Set
	theirs     []*jwk.Key
	theirsText []byte // the JWK Set that theirs was read from
}

// New returns a Source with our own keys. It fails if they cannot be used. Run reads the issuer's
// keys.
func New(c Config) (*Source, error) {
	s := &Source{c: c, every: defaultIntervals(), own: c.Set}
	s.fetched.Store(c.Now().UnixNano())
	var err error
	switch {
	case c.Issuer == "":
	case isURL(c.Issuer):
		if s.issuer, err = newIssuer(s); err != nil {
			return nil, err
		}
	default:
		s.issuerFile = &watchedFile{path: c.Issuer}
	}
	if c.File == "" {
		return s, s.useOwn(c.Set)
	}
	s.file = &watchedFile{path: c.File}
	if err := s.file.load(true, s.useOwnFile); err != nil {
		return nil, err
	}
	// Not an error: container platforms mount secrets in this way.
	if info, err := os.Stat(c.File); err == nil && info.Mode()&0o004 != 0 {
		c.Log.Warn("every user of this machine can read the key file",
			"path", c.File, "mode", info.Mode().String())
	}
	return s, nil
}

// Keys returns the keys of the moment.
func (s *Source) Keys() *jwk.Set { return s.current.Load() }

// Ready returns an error if tokens cannot be refreshed: ErrUnavailable if the issuer's keys have
// never been read, another one if no key may sign.
func (s *Source) Ready() error {
	if s.Keys().Active(s.c.Now()) == nil {
		return errNoActive
	}
	return s.issuerKnown()
}

// issuerKnown returns ErrUnavailable if there is an issuer whose keys have never been read.
func (s *Source) issuerKnown() error {
	s.parts.Lock()
	defer s.parts.Unlock()
	if s.c.Issuer != "" && s.theirs == nil {
		return ErrUnavailable
	}
	return nil
}

// Refetch reads all keys anew, for a token that names an unknown key: keyID and algorithm are its
// kid and alg. After ErrUnavailable the key may exist nevertheless. However often it is called, the
// issuer is asked at most once a second, and no call waits longer than 2 seconds.
func (s *Source) Refetch(ctx context.Context, keyID, algorithm string) error {
	s.loadFiles(false)
	found := func() bool {
		key, _ := s.Keys().Find([]byte(keyID), []byte(algorithm), s.c.Now().Unix())
		return key != nil
	}
	// An issuer's key has an ID and is no secret.
	if found() || keyID == "" || strings.HasPrefix(algorithm, "HS") {
		return nil
	}
	if s.issuer == nil {
		return s.issuerKnown()
	}
	if err := s.issuer.fetchFor(ctx); err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if found() {
		return nil
	}
	if left := s.issuer.doubt(keyID); left > 0 {
		return fmt.Errorf("%w: %w", ErrUnavailable, &cachedError{left})
	}
	return nil
}

// Run follows the files and the issuer until ctx ends.
func (s *Source) Run(ctx context.Context) {
	var tasks sync.WaitGroup
	defer tasks.Wait()
	if s.issuer != nil {
		tasks.Go(func() { s.issuer.run(ctx) })
	}
	for {
		s.loadFiles(false)
		select {
		case <-ctx.Done():
			return
		case <-time.After(s.every.poll):
		}
	}
}

// Once reads the issuer's keys one time, for a command. It fails if they cannot be read.
func (s *Source) Once(ctx context.Context) error {
	s.loadFiles(false)
	if s.issuer != nil {
		return s.issuer.fetch(ctx)
	}
	return s.issuerKnown()
}

// Reload reads the files now, even if they have not changed, and makes Run fetch the issuer's keys.
func (s *Source) Reload() {
	s.loadFiles(true)
	if s.issuer != nil {
		s.issuer.fetchSoon()
	}
}

// Replace takes another set of our own keys into use, in place of Config.Set. It fails, and the known
// keys stay in use, if the set cannot be used.
func (s *Source) Replace(set *jwk.Set) error { return s.useOwn(set) }

// loadFiles takes changed files into use, and unchanged ones too if always is set.
func (s *Source) loadFiles(always bool) {
	s.files.Lock()
	defer s.files.Unlock()
	if err := s.file.load(always, s.useOwnFile); err != nil {
		s.c.Log.Error("the keys could not be reloaded; the known keys stay in use",
			"path", s.file.path, "error", err)
	}
	if err := s.issuerFile.load(always, s.useIssuerKeys); err != nil {
		s.c.Log.Error("the issuer's keys could not be read; the known keys stay in use",
			"path", s.issuerFile.path, "error", err)
	}
}
