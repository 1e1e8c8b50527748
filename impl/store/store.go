// Package store keeps revocations, leases and sessions in SQLite or PostgreSQL. Both engines get
// the same statements.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"kalsel.dev/refresh/impl/revocation"
)

// Store is an open store. It is safe for concurrent use, and several processes may use it.
type Store struct {
	engine engine
	reads  *sql.DB
	writes *sql.DB // SQLite: one connection, because SQLite has one writer; PostgreSQL: the same as reads
	group  *group  // SQLite: the writer of all changes; PostgreSQL: nil

	commits atomic.Int64
}

// engine is the few operations that differ between the engines.
type engine interface {
	// announce tells other processes, within tx, that the feed grows.
	announce(ctx context.Context, tx *sql.Tx) error
	// watch calls wake when the feed may have grown. It returns when ctx is done or the connection
	// fails.
	watch(ctx context.Context, db *sql.DB, wake func()) error
	// isFault reports that an error is a fault of this program, and not of a store that is
	// unavailable, full or busy.
	isFault(err error) bool
	// suspect is told of every error. It drops the connections if they may lead to a wrong server.
	suspect(err error)
}

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
	var s *Store
	var err error
	switch scheme {
	case "sqlite":
		s, err = openSQLite(ctx, rest)
	case "postgres", "postgresql":
		s, err = openPostgres(ctx, url)
	default:
		err = BadURL("a store is sqlite:FILE, sqlite::memory: or postgres://USER@HOST/NAME")
	}
	if err != nil {
		return nil, oneLine{fmt.Errorf("store: %w", err)}
	}
	return s, nil
}

// BadURL says why the URL of a store cannot be used. It does not repeat the URL, which may hold a
// password.
type BadURL string

func (e BadURL) Error() string { return string(e) }

// oneLine is an error whose text is one line, for the command line.
type oneLine struct{ error }

func (e oneLine) Error() string { return strings.Join(strings.Fields(e.error.Error()), " ") }
func (e oneLine) Unwrap() error { return e.error }

// Close closes all connections.
func (s *Store) Close() error {
	if s.group != nil {
		s.group.close()
	}
	if s.reads == s.writes {
		return s.writes.Close()
	}
	return errors.Join(s.reads.Close(), s.writes.Close())
}

// Commits returns how many transactions this process has committed. In SQLite, changes that waited
// together share one.
func (s *Store) Commits() int64 { return s.commits.Load() }

// handle runs statements: a database or a transaction.
type handle interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// read runs statements that change nothing. If PostgreSQL failed over, the server that answers may
// be one that was replaced: no decision and no answer to a caller rests on what it says.
func (s *Store) read(ctx context.Context, f func(context.Context, handle) error) error {
	limited, cancel := context.WithTimeout(ctx, statementLimit)
	defer cancel()
	return s.explain(ctx, f(limited, s.reads))
}

// readCurrent runs statements that a decision or an answer rests on. They see every change that was
// acknowledged before the call. In PostgreSQL they are in a transaction that also writes: locking a
// row is a write, which a read-only server refuses and whose commit waits for replication. So if
// the commit is acknowledged, this is the server that acknowledges commits. SQLite has one file and
// no other server.
func (s *Store) readCurrent(ctx context.Context, f func(context.Context, handle) error) error {
	if s.group != nil {
		return s.read(ctx, f)
	}
	return s.inTransaction(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, lockFeed); err != nil {
			return err
		}
		return f(ctx, tx)
	})
}

// query reads all rows of a statement.
func query[T any](
	ctx context.Context, h handle, scan func(row) (T, error), statement string, args ...any,
) ([]T, error) {
	rows, err := h.QueryContext(ctx, statement, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []T
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, one)
	}
	return list, rows.Err()
}

// row is a row that can be scanned: the only one or one of many.
type row interface{ Scan(dest ...any) error }

// write runs f in a transaction and returns after the commit. f must run statements only. All
// changes of more than one statement come through here.
func (s *Store) write(ctx context.Context, f func(context.Context, *sql.Tx) error) error {
	if s.group == nil {
		return s.inTransaction(ctx, f)
	}
	limited, cancel := context.WithTimeout(ctx, statementLimit)
	defer cancel()
	return s.explain(ctx, s.group.several(limited, f))
}

// inTransaction runs f in a transaction of PostgreSQL and returns after the commit.
func (s *Store) inTransaction(ctx context.Context, f func(context.Context, *sql.Tx) error) error {
	limited, cancel := context.WithTimeout(ctx, statementLimit)
	defer cancel()
	tx, err := s.writes.BeginTx(limited, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return s.explain(ctx, err)
	}
	if err := f(limited, tx); err != nil {
		_ = tx.Rollback() // whatever it returns, a transaction that was not committed leaves no change
		return s.explain(ctx, err)
	}
	err = tx.Commit()
	s.commits.Add(1)
	return s.explain(ctx, err)
}

// exec runs one statement, and returns how many rows it changed.
func (s *Store) exec(ctx context.Context, statement string, args ...any) (int64, error) {
	limited, cancel := context.WithTimeout(ctx, statementLimit)
	defer cancel()
	if s.group != nil {
		n, err := s.group.exec(limited, statement, args)
		return n, s.explain(ctx, err)
	}
	result, err := s.writes.ExecContext(limited, statement, args...)
	s.commits.Add(1)
	if err != nil {
		return 0, s.explain(ctx, err)
	}
	n, err := result.RowsAffected()
	return n, s.explain(ctx, err)
}

// errStale means that a read did not show a change that was acknowledged before: the read came from
// another server.
var errStale = errors.New("the server does not have what was committed before: it is not the one that commits")

// explain returns the caller's own error if the caller gave up, the error itself if this program is
// at fault, and else an error that is revocation.ErrUnavailable.
func (s *Store) explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	s.engine.suspect(err)
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return ctx.Err()
	case s.engine.isFault(err):
		return fmt.Errorf("store: %w", err)
	}
	return fmt.Errorf("%w: %w", revocation.ErrUnavailable, err)
}

// Watch calls wake when the feed may have grown, until ctx is done. It may miss changes.
func (s *Store) Watch(ctx context.Context, wake func()) {
	for ctx.Err() == nil {
		_ = s.engine.watch(ctx, s.reads, wake) // after an error the next turn opens a new connection
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}
