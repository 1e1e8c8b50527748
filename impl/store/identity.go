package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"kalsel.dev/refresh/impl/revocation"
)

const setIdentity = `UPDATE refresh_store SET identity = $1 WHERE id = 1 AND identity = ''`

// identity tells the store that was opened from any other one.
type identity struct {
	text  atomic.Pointer[string] // nil until it is known
	isNew bool                   // this process has made the store
	path  string                 // of SQLite's file, else ""
	file  os.FileInfo
	// other is set while the store at hand is known to be another one.
	other atomic.Bool
}

var errOther = fmt.Errorf("%w: %w", revocation.ErrUnavailable, revocation.ErrOtherStore)

// err returns errOther while the store is known to be another one.
func (i *identity) err() error {
	if i.other.Load() {
		return errOther
	}
	return nil
}

// compare returns errOther, and remembers it, if the text is not that of the store that was opened.
func (i *identity) compare(text string) error {
	if own := i.text.Load(); own != nil && text != *own {
		i.other.Store(true)
		return errOther
	}
	return nil
}

// checkFile returns errOther, and remembers it, if SQLite's file was replaced or deleted.
func (i *identity) checkFile() error {
	if i.file != nil {
		if now, err := os.Stat(i.path); err != nil || !os.SameFile(i.file, now) {
			i.other.Store(true)
			return errOther
		}
	}
	return nil
}

// identify reads the identity of the store, and gives it one if it has none.
func (s *Store) identify(ctx context.Context) (err error) {
	if s.own.path != "" {
		if s.own.file, err = os.Stat(s.own.path); err != nil {
			return err
		}
	}
	made, err := s.exec(ctx, setIdentity, rand.Text())
	if err != nil {
		return err
	}
	if _, err := s.exec(ctx, setEpoch, rand.Text()); err != nil {
		return err
	}
	var head int64
	var text string
	if err = s.readCurrent(ctx, one([]any{&head, &text}, selectHead)); err != nil {
		return err
	}
	s.own.text.Store(&text)
	// The feed of a store that was used before it had an identity is not empty.
	s.own.isNew = made > 0 && head == 0
	return nil
}

// IsNew reports that this process has made the store: no revocation is known.
func (s *Store) IsNew() bool { return s.own.isNew }

// SameStore returns an error that is revocation.ErrOtherStore if the store is not the one that was
// opened: the file was replaced or deleted, or the connections lead elsewhere. Until SameStore
// returns another result, all other methods return that error too.
func (s *Store) SameStore(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, statementLimit)
	defer cancel()
	var head int64
	var text string
	err := s.engine.current(limited, upkeep, one([]any{&head, &text}, selectHead))
	if err != nil {
		return s.explain(ctx, err)
	}
	s.own.other.Store(false)
	if err := s.own.compare(text); err != nil {
		return s.explain(ctx, err)
	}
	return s.own.checkFile()
}

// checkConnection is called with each new connection to PostgreSQL: which schema it leads to depends
// on the settings of the user at that moment.
func (i *identity) checkConnection(ctx context.Context, c *pgx.Conn) error {
	if i == nil || i.text.Load() == nil {
		return nil
	}
	var text string
	err := c.QueryRow(ctx, "SELECT identity FROM refresh_store WHERE id = 1", pgx.QueryExecModeExec).Scan(&text)
	if err != nil {
		return err
	}
	return i.compare(text)
}

// isMissing reports the errors of PostgreSQL if the tables do not exist where they are looked for.
func isMissing(err error) bool {
	const undefinedTable, invalidSchema = "42P01", "3F000"
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (e.Code == undefinedTable || e.Code == invalidSchema)
}
