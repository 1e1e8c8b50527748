// Package store keeps revocations, leases and sessions in SQLite or PostgreSQL. Both engines get
// the same statements.
package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"kalsel.dev/refresh/impl/revocation"
)

// Store is an open store. It is safe for concurrent use, and several processes may use it.
type Store struct {
	engine   engine
	revokes  *group[*revoking]
	measured *measurements
	file     string // the database of SQLite
	own      identity
}

// engine is a database. No method may be called after close.
//
//nolint:interfacebloat // two whole databases implement it, in this package alone
type engine interface {
	// read runs statements that change nothing. If PostgreSQL failed over, the old server may
	// answer: no decision and no answer to a caller may rest on such a read.
	read(ctx context.Context, list ...*statement) error
	// current runs statements that a decision or an answer rests on. They see every change that was
	// acknowledged before the call.
	current(ctx context.Context, l lane, list ...*statement) error
	// change commits one statement about the session with the ID. Changes that wait together share
	// a commit.
	change(ctx context.Context, id string, s *statement) error
	// transact runs f in a transaction and returns after the commit. If f returns an error, nothing
	// is committed. f must run statements only.
	transact(ctx context.Context, l lane, f func(context.Context, handle) error) error
	// follow is transact for a node that reads the feed and then writes its lease.
	follow(ctx context.Context, f func(context.Context, handle) error) error
	// now returns a statement that reads the engine's own clock in Unix milliseconds, or nil if it
	// has the clock of this machine.
	now(unixMilli *int64) *statement
	// announce returns a statement that tells other processes, with the commit of its transaction,
	// that the feed grows. It is nil if they notice that themselves.
	announce() *statement
	// watch calls wake when the feed may have grown. It returns when ctx is done or the connection
	// fails.
	watch(ctx context.Context, wake func()) error
	// isFault reports that an error is a fault of this program, and not of a store that is
	// unavailable, full or busy.
	isFault(err error) bool
	// migrated returns the names of the migrations that were applied when the store was opened.
	migrated() []string
	// committed returns how many transactions were committed.
	committed() int64
	close() error
}

// lane says which connections a transaction uses, so that a crowd in one lane does not delay
// another.
type lane int

const (
	revocations lane = iota
	// reads is reads for callers, which wait for each other.
	reads
	// upkeep is leases, clean-up and facts about the store.
	upkeep
)

// statementLimit bounds every call. A caller's context may end a call earlier.
const statementLimit = 5 * time.Second

// Open opens the store at url and brings its schema up to date:
//
//	sqlite:refresh.db             a file, created if it does not exist
//	sqlite::memory:               lost when the process ends
//	postgres://user@host/name     PostgreSQL; ?pool_max_conns=16 limits the connections
//
// It returns a BadURL if the URL names no store that can be used, and ErrNewerSchema if a newer
// version of this program has used the store.
func Open(ctx context.Context, url string) (*Store, error) {
	scheme, rest, _ := strings.Cut(url, ":")
	var e engine
	var err error
	m := newMeasurements()
	switch scheme {
	case "sqlite":
		e, err = openSQLite(ctx, rest, m.batches)
	case "postgres", "postgresql":
		e, err = openPostgres(ctx, url, m.batches)
	default:
		err = errStoreURL
	}
	if err != nil {
		return nil, oneLine{fmt.Errorf("store: %w", err)}
	}
	s := &Store{engine: e, measured: m, file: fileOf(url)}
	if p, ok := e.(*postgresEngine); ok {
		p.connector.check.Store(&s.own)
	}
	s.revokes = newGroup(groupQueue, m.batches, s.commitRevocations)
	if scheme == "sqlite" && rest != ":memory:" {
		s.own.path = rest
	}
	if err := s.identify(ctx); err != nil {
		return nil, oneLine{fmt.Errorf("store: %w", errors.Join(err, s.Close()))}
	}
	return s, nil
}

// BadURL says why the URL of a store cannot be used. It does not repeat the URL, which may hold a
// password.
type BadURL string

func (e BadURL) Error() string { return string(e) }

const errStoreURL = BadURL("a store is sqlite:FILE, sqlite::memory: or postgres://USER@HOST/NAME")

// oneLine is an error whose text is one line, for the command line. PostgreSQL's driver has a line
// for each attempt, with TLS and without, and both fail alike if nothing listens.
type oneLine struct{ error }

func (e oneLine) Error() string {
	lines := strings.Split(e.error.Error(), "\n")
	for i, line := range lines {
		lines[i] = strings.Join(strings.Fields(line), " ")
	}
	return strings.Join(slices.Compact(lines), " ")
}
func (e oneLine) Unwrap() error { return e.error }

// Close closes all connections.
func (s *Store) Close() error {
	s.revokes.close()
	return s.engine.close()
}

// Migrated returns the names of the migrations that Open has applied.
func (s *Store) Migrated() []string { return s.engine.migrated() }

// Commits returns how many transactions this process has committed. Changes that waited together
// share one.
func (s *Store) Commits() int64 { return s.engine.committed() }

func (s *Store) read(ctx context.Context, list ...*statement) error {
	limited, cancel := context.WithTimeout(ctx, statementLimit)
	defer cancel()
	defer timed(s.measured.reads)()
	if err := s.own.err(); err != nil {
		return err
	}
	return s.explain(ctx, s.engine.read(limited, list...))
}

func (s *Store) readCurrent(ctx context.Context, list ...*statement) error {
	limited, cancel := context.WithTimeout(ctx, statementLimit)
	defer cancel()
	defer timed(s.measured.reads)()
	if err := s.own.err(); err != nil {
		return err
	}
	return s.explain(ctx, s.engine.current(limited, reads, list...))
}

// change changes one session, and reports whether it did.
func (s *Store) change(ctx context.Context, id, text string, args ...any) (bool, error) {
	limited, cancel := context.WithTimeout(ctx, statementLimit)
	defer cancel()
	if err := s.own.err(); err != nil {
		return false, err
	}
	one := exec(text, args...)
	defer timed(s.measured.writes)()
	err := s.explain(ctx, s.engine.change(limited, id, one))
	return err == nil && one.changed > 0, err
}

// write runs f in a transaction of upkeep and returns after the commit.
func (s *Store) write(ctx context.Context, f func(context.Context, handle) error) error {
	limited, cancel := context.WithTimeout(ctx, statementLimit)
	defer cancel()
	defer timed(s.measured.writes)()
	if err := s.own.err(); err != nil {
		return err
	}
	return s.explain(ctx, s.engine.transact(limited, upkeep, f))
}

// exec runs one statement of upkeep, and returns how many rows it changed.
func (s *Store) exec(ctx context.Context, text string, args ...any) (int64, error) {
	one := exec(text, args...)
	err := s.write(ctx, func(ctx context.Context, h handle) error { return h.run(ctx, one) })
	return one.changed, err
}

// errStale means that a read did not show a change that was acknowledged before: the read came from
// another server.
var errStale = errors.New("the server does not have what was committed before: " +
	"it is not the one that commits")

// explain returns the caller's own error if the caller gave up, the error itself if this program is
// at fault, and else an error that is revocation.ErrUnavailable.
func (s *Store) explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if isMissing(err) {
		s.own.other.Store(true)
		err = errOther
	}
	if errors.Is(err, revocation.ErrOtherStore) {
		return err
	}
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return ctx.Err()
	case s.engine.isFault(err):
		return fmt.Errorf("store: %w", err)
	}
	return fmt.Errorf("%w: %w", revocation.ErrUnavailable, err)
}

// watchPause is how long Watch waits after an error before it opens a new connection.
const watchPause = 200 * time.Millisecond

// Watch calls wake when the feed may have grown, until ctx is done. It may miss changes.
func (s *Store) Watch(ctx context.Context, wake func()) {
	for ctx.Err() == nil {
		_ = s.engine.watch(ctx, wake) // after an error the next turn opens a new connection
		select {
		case <-ctx.Done():
		case <-time.After(watchPause):
		}
	}
}
