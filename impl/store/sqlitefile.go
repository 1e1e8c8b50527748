package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	sqlite3 "modernc.org/sqlite/lib"
)

// sqliteName returns the connection string up to and with its question mark or ampersand.
func sqliteName(path string) (string, error) {
	if err := checkPath(path); err != nil {
		return "", err
	}
	if path == ":memory:" {
		// One database for all connections of this store, and for no other.
		return "file:/" + rand.Text() + "?vfs=memdb&", nil
	}
	if err := create(path); err != nil {
		return "", err
	}
	return "file:" + url.PathEscape(path) + "?", nil
}

func checkPath(path string) error {
	if path == "" {
		return BadURL("sqlite: needs a file, such as sqlite:refresh.db")
	}
	if strings.HasPrefix(path, "//") {
		return BadURL("sqlite: needs a path without two slashes before it, such as " +
			"sqlite:refresh.db or sqlite:/var/lib/refreshd/refresh.db")
	}
	return nil
}

// create creates the file, readable by its owner alone because it names identities. Its errors are
// clearer than SQLite's. If the file exists, it is not opened: closing it would release the locks
// of this process's own connections (fcntl(2)).
func create(path string) error {
	if err := writableFolder(path); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the operator's own choice
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// writableFolder fails if no file can be made in the folder of path.
func writableFolder(path string) error {
	probe, err := os.CreateTemp(filepath.Dir(path), ".refresh-*")
	if err != nil {
		if cause, ok := errors.AsType[*fs.PathError](err); ok {
			err = cause.Err
		}
		return fmt.Errorf("%s: cannot write in the folder %s: %w", path, filepath.Dir(path), err)
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

// writable returns an error if the file is read-only. SQLite opens such a file and fails at the
// first change. Any other failure may be temporary, and is not returned.
func writable(ctx context.Context, db *sql.DB) error {
	_, err := db.ExecContext(ctx, "UPDATE refresh_feed SET head = head WHERE id = 0") // there is none
	if resultCode(err) == sqlite3.SQLITE_READONLY {
		return errors.New("the file may not be written")
	}
	return nil
}
