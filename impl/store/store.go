// Package store keeps sessions in SQLite or PostgreSQL, with the same statements for both.
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

// Store is an open store. It is safe for concurrent use, by several processes too.
type Store struct {
	engine engine
	reads  *sql.DB
	writes *sql.DB // one connection for SQLite, which has one writer; else the same as reads
	group  *group  // SQLite's writer, through which all changes go; nil for PostgreSQL

	commits atomic.Int64
}

// Each engine knows the few things that differ.
type engine interface {
	// announce tells other processes, within tx, that the feed grows.
	announce(ctx context.Context, tx *sql.Tx) error
	// watch calls wake when the feed may have grown, until ctx ends or the connection does.
	watch(ctx context.Context, db *sql.DB, wake func()) error
	// ours reports that the error is a fault of our statements, not of a store that is away, full or busy.
	ours(err error) bool
}

// statementLimit bounds every call, whatever the caller's own limit.
const statementLimit = 5 * time.Second

// Open opens the store at url and brings its schema up to date:
//
//	sqlite:refresh.db             a file, created if need be
//	sqlite::memory:               gone with the process
//	postgres://user@host/name     PostgreSQL; ?pool_max_conns=16 is the most connections
//
// It returns a BadURL for a URL that names no store, and ErrNewerSchema for a store that a newer version of this program has used.
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

// BadURL says what is wrong with the URL of a store. It does not repeat the URL, which may hold a password.
type BadURL string

func (e BadURL) Error() string { return string(e) }

// oneLine is an error whose text is one line, for whoever starts the program.
type oneLine struct{ error }

func (e oneLine) Error() string { return strings.Join(strings.Fields(e.error.Error()), " ") }
func (e oneLine) Unwrap() error { return e.error }

// Close ends all connections.
func (s *Store) Close() error {
	if s.group != nil {
		s.group.close()
	}
	if s.reads == s.writes {
		return s.writes.Close()
	}
	return errors.Join(s.reads.Close(), s.writes.Close())
}

// Commits is how many transactions this process has committed. Changes that waited together share one in SQLite.
func (s *Store) Commits() int64 { return s.commits.Load() }

// read runs statements that change nothing.
func (s *Store) read(ctx context.Context, f func(context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, statementLimit)
	defer cancel()
	return s.explain(ctx, f(limited))
}

// query reads all rows of a statement that changes nothing.
func query[T any](ctx context.Context, s *Store, scan func(row) (T, error), statement string, args ...any) ([]T, error) {
	var list []T
	err := s.read(ctx, func(ctx context.Context) error {
		rows, err := s.reads.QueryContext(ctx, statement, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			one, err := scan(rows)
			if err != nil {
				return err
			}
			list = append(list, one)
		}
		return rows.Err()
	})
	return list, err
}

// row is what is read of a row, the only one or one of many.
type row interface{ Scan(dest ...any) error }

// errUnchanged from the function given to write rolls back, and is not an error.
var errUnchanged = errors.New("nothing to commit")

// write runs f in a transaction, which nothing but statements may be in, and returns after the commit. All changes of more than
// one statement come through here.
func (s *Store) write(ctx context.Context, f func(context.Context, *sql.Tx) error) error {
	limited, cancel := context.WithTimeout(ctx, statementLimit)
	defer cancel()
	if s.group != nil {
		err := s.group.several(limited, f)
		if errors.Is(err, errUnchanged) {
			return nil
		}
		return s.explain(ctx, err)
	}
	tx, err := s.writes.BeginTx(limited, nil)
	if err != nil {
		return s.explain(ctx, err)
	}
	if err := f(limited, tx); err != nil {
		_ = tx.Rollback() // nothing is left of a transaction that was not committed, whatever this returns
		if errors.Is(err, errUnchanged) {
			return nil
		}
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

// explain makes revocation.ErrUnavailable of what is not the caller's doing and not a fault of ours.
func (s *Store) explain(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(ctx.Err(), context.Canceled):
		return ctx.Err()
	case s.engine.ours(err):
		return fmt.Errorf("store: %w", err)
	}
	return fmt.Errorf("%w: %w", revocation.ErrUnavailable, err)
}

// Watch calls wake when the feed may have grown, until ctx ends. It may miss changes.
func (s *Store) Watch(ctx context.Context, wake func()) {
	for ctx.Err() == nil {
		_ = s.engine.watch(ctx, s.reads, wake) // a connection that is lost is renewed; who waits reads the feed anyway
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}
