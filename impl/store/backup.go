package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
)

// Backup writes a copy of the SQLite store in the file path to the new file to, while servers use
// the store. It fails with fs.ErrExist if there is a file with that name already. The copy has its
// name only when it is complete and on disk.
func Backup(ctx context.Context, path, to string) (err error) {
	if _, err := os.Lstat(to); err == nil {
		return &fs.PathError{Op: "create", Path: to, Err: fs.ErrExist}
	}
	db, err := openFile(path, "mode=ro&_pragma=busy_timeout(4000)")
	if err != nil {
		return err
	}
	defer db.Close()
	if err := checkStore(ctx, db); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	partial, err := os.CreateTemp(filepath.Dir(to), filepath.Base(to)+".partial-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(partial.Name()))
		}
	}()
	if err := vacuumInto(ctx, db, partial); err != nil {
		return fmt.Errorf("copy %s: %w", path, err)
	}
	if err := os.Link(partial.Name(), to); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return err
		}
		// A file system without links. The new name is taken before it is replaced, so that no file
		// of another program is overwritten.
		const flags = os.O_CREATE | os.O_EXCL | os.O_WRONLY
		placeholder, err := os.OpenFile(to, flags, 0o600) //nolint:gosec // the operator's own choice
		if err != nil {
			return err
		}
		err = errors.Join(placeholder.Close(), os.Rename(partial.Name(), to))
		return errors.Join(err, syncFolder(to))
	}
	return errors.Join(os.Remove(partial.Name()), syncFolder(to))
}

// vacuumInto writes a copy of the database into an empty file, and closes it when it is on disk:
// SQLite does not wait for the disk itself. The copy is a single file, without a write-ahead log.
func vacuumInto(ctx context.Context, db *sql.DB, file *os.File) error {
	_, err := db.ExecContext(ctx, "VACUUM INTO $1", file.Name())
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

// openFile opens an SQLite file with one connection, and changes nothing in it. It fails if the
// file does not exist. options are those of the driver's connection string.
func openFile(path, options string) (*sql.DB, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", "file:"+url.PathEscape(path)+"?"+options)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

var errNoStore = errors.New("is not a store of refreshd")

// checkStore fails if a file is not a store.
func checkStore(ctx context.Context, db *sql.DB) error {
	known, err := columnsOf(ctx, db, schemaTable)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", errNoStore, err)
	case len(known) == 0:
		return errNoStore
	}
	return nil
}

// queryer is a database or a transaction.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// columnsOf returns the names of a table's columns, or none if there is no such table.
func columnsOf(ctx context.Context, db queryer, table string) ([]string, error) {
	return texts(ctx, db, "SELECT name FROM pragma_table_info($1)", table)
}

// texts returns the one column of a query.
func texts(ctx context.Context, db queryer, query string, args ...any) (list []string, err error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		list = append(list, text)
	}
	return list, rows.Err()
}

// syncFolder waits until the name of a file is on disk.
func syncFolder(path string) error {
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	err = folder.Sync()
	for _, cannot := range []error{errors.ErrUnsupported, fs.ErrInvalid, fs.ErrPermission} {
		if errors.Is(err, cannot) {
			err = nil // this system cannot do it for folders
		}
	}
	return errors.Join(err, folder.Close())
}
