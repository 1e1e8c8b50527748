package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"time"

	sqlite3 "modernc.org/sqlite/lib"
)

// ErrInUse is returned if a server, or another program, has the file of the store open.
var ErrInUse = errors.New("a server or another program has the file open")

// releaseWait is how long Restore waits for servers that are about to stop.
const releaseWait = 6 * time.Second

// lockStore opens the store's file, with its write-ahead log copied into it, so that no other
// program can read or write it until it is closed. SQLite grants this lock only if no other
// connection has the file open: a server that has it open need not even be awake.
func lockStore(ctx context.Context, path string) (*sql.DB, error) {
	const options = "mode=rw&_pragma=busy_timeout(0)&_pragma=locking_mode(EXCLUSIVE)"
	db, err := openFile(path, options)
	if err != nil {
		return nil, err
	}
	retry := time.NewTicker(100 * time.Millisecond)
	defer retry.Stop()
	timeout := time.After(releaseWait)
	for {
		if err = lockOnce(ctx, db); err == nil {
			return db, nil
		}
		if resultCode(err) != sqlite3.SQLITE_BUSY {
			return nil, errors.Join(err, db.Close())
		}
		select {
		case <-timeout:
			return nil, errors.Join(fmt.Errorf("%s: %w", path, ErrInUse), db.Close())
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), db.Close())
		case <-retry.C:
		}
	}
}

// lockOnce takes the lock. The journal mode DELETE leaves no file beside the database that could be
// taken for one of the new database.
func lockOnce(ctx context.Context, db *sql.DB) error {
	if err := checkStore(ctx, db); err != nil { // the first lock would write into an empty file
		return err
	}
	if _, err := db.ExecContext(ctx, "BEGIN EXCLUSIVE; COMMIT"); err != nil {
		return err
	}
	var mode string
	if err := db.QueryRowContext(ctx, "PRAGMA journal_mode=DELETE").Scan(&mode); err != nil {
		return err
	}
	if mode != "delete" {
		return errors.New("the write-ahead log cannot be copied into the file")
	}
	// The exclusive mode keeps the journal's file until it is left. The next lock is of rollback
	// mode: it lasts as long as its transaction and needs no file.
	const relock = "PRAGMA locking_mode=NORMAL; SELECT count(*) FROM " + schemaTable +
		"; BEGIN EXCLUSIVE"
	if _, err := db.ExecContext(ctx, relock); err != nil {
		return err
	}
	if err := db.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode); err != nil {
		return err
	}
	if mode != "delete" {
		_, err := db.ExecContext(ctx, "ROLLBACK")
		return errors.Join(errors.New("a server started just now"), err)
	}
	return nil
}

// awaitRestore returns when no restore has the file locked. A connection that waited for the lock
// would go on with the replaced file, and would write its log beside the new one: so this waits
// with a connection of its own, and tries again if the file was replaced meanwhile.
func awaitRestore(ctx context.Context, path string) error {
	for {
		before, err := os.Stat(path)
		if err != nil {
			return err
		}
		db, err := openFile(path, "mode=rw&_pragma=busy_timeout(4000)")
		if err != nil {
			return err
		}
		_, failure := db.ExecContext(ctx, "SELECT count(*) FROM sqlite_schema")
		if err := db.Close(); err != nil {
			return err
		}
		after, err := os.Stat(path)
		switch {
		case err != nil:
			return err
		case resultCode(failure) == sqlite3.SQLITE_BUSY:
			return failure
		case os.SameFile(before, after):
			return nil // the store's own connections report any other failure
		}
	}
}
