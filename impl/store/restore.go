package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"time"

	"github.com/pressly/goose/v3"
	sqlite3 "modernc.org/sqlite/lib"
)

// ErrInUse is returned if a server, or another program, has the file of the store open.
var ErrInUse = errors.New("a server or another program has the file open")

// LostRevocations is the error of Restore if the revocations of the replaced store cannot be read.
type LostRevocations struct{ Cause error }

func (e LostRevocations) Error() string {
	return "the revocations since the backup cannot be carried over: " + e.Cause.Error()
}

// Unwrap returns the cause.
func (e LostRevocations) Unwrap() error { return e.Cause }

// Restoration says which file is restored from which backup.
type Restoration struct {
	Path   string // the store's file
	Backup string
	// Replaced is the name under which the replaced file is kept.
	Replaced string
	// AcceptLoss restores the backup although the revocations since then cannot be carried over, or
	// only a part of them.
	AcceptLoss bool
}

// Restored says what Restore did.
type Restored struct {
	Replaced bool  // there was a file, and it is kept
	Carried  int   // revocations that the backup did not have
	Lost     error // why revocations may be missing; nil if none is
}

// releaseWait is how long Restore waits for servers that are about to stop.
const releaseWait = 6 * time.Second

// Restore replaces the SQLite store by a copy of the backup, with the revocations of both, so that
// no session that was revoked since the backup is accepted again. It returns ErrInUse, and changes
// nothing, if the file is in use for longer than six seconds. Whenever it is interrupted, the
// store's file is either the old one or the new one, complete.
func Restore(ctx context.Context, r Restoration) (done Restored, err error) {
	if err := checkBackup(ctx, r); err != nil {
		return done, err
	}
	_, err = os.Stat(r.Path)
	if done.Replaced = err == nil; err != nil && !errors.Is(err, fs.ErrNotExist) {
		return done, err
	}
	old, err := lockStore(ctx, r.Path)
	switch {
	case errors.Is(err, ErrInUse), ctx.Err() != nil:
		return done, errors.Join(err, ctx.Err())
	case err != nil && !r.AcceptLoss:
		return done, LostRevocations{err}
	case err != nil:
		done.Lost = err
	default:
		defer old.Close()
	}
	partial := r.Path + ".restoring"
	defer func() {
		if err != nil {
			err = errors.Join(err, removeAll(partial))
		}
	}()
	if err := copyBackup(ctx, r, partial); err != nil {
		return done, err
	}
	if err := completeCopy(ctx, r, partial, old, &done); err != nil {
		return done, err
	}
	if runtime.GOOS == "windows" && old != nil { // an open file cannot be replaced there
		if err := old.Close(); err != nil {
			return done, err
		}
	}
	return done, swap(r, partial, old != nil, done.Replaced)
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

// checkBackup fails if the backup is damaged, or is no store that this program can use.
func checkBackup(ctx context.Context, r Restoration) error {
	backup, err := openBackup(r.Backup)
	if err != nil {
		return err
	}
	defer backup.Close()
	have, err := os.Stat(r.Backup)
	if err != nil {
		return err
	}
	if store, err := os.Stat(r.Path); err == nil && os.SameFile(have, store) {
		return fmt.Errorf("%s: is the store itself", r.Backup)
	}
	if err := checkStore(ctx, backup); err != nil {
		return fmt.Errorf("%s: %w", r.Backup, err)
	}
	var verdict string
	if err := backup.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&verdict); err != nil {
		return fmt.Errorf("%s: %w", r.Backup, err)
	}
	if verdict != "ok" {
		return fmt.Errorf("%s: is damaged: %s", r.Backup, verdict)
	}
	return nil
}

// openBackup opens a backup for reading. If it has no write-ahead log beside it, no file is made in
// its folder, which may be read-only.
func openBackup(path string) (*sql.DB, error) {
	options := "mode=ro"
	if _, err := os.Stat(path + "-wal"); errors.Is(err, fs.ErrNotExist) {
		options = "immutable=1"
	}
	return openFile(path, options)
}

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
	_, err := db.ExecContext(ctx, "PRAGMA locking_mode=NORMAL; SELECT count(*) FROM "+schemaTable+"; BEGIN EXCLUSIVE")
	if err != nil {
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

// copyBackup writes the backup into a new file in the folder of the store.
func copyBackup(ctx context.Context, r Restoration, partial string) error {
	if err := removeAll(partial); err != nil { // of a restore that was killed
		return err
	}
	backup, err := openBackup(r.Backup)
	if err != nil {
		return err
	}
	defer backup.Close()
	file, err := os.OpenFile(partial, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600) //nolint:gosec // the operator's own choice
	if err != nil {
		return err
	}
	if err := keepOwner(file, r.Path); err != nil {
		return errors.Join(err, file.Close())
	}
	return vacuumInto(ctx, backup, file)
}

// completeCopy brings the schema of the copy up to date and adds the revocations of the old store.
func completeCopy(ctx context.Context, r Restoration, partial string, old *sql.DB, done *Restored) error {
	fresh, err := openFile(partial, "mode=rw&_pragma=synchronous(FULL)")
	if err != nil {
		return err
	}
	defer fresh.Close()
	if err := migrate(ctx, fresh, goose.DialectSQLite3); err != nil {
		return err
	}
	tx, err := fresh.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // it does nothing after the commit
	if old != nil {
		if done.Carried, err = carryOver(ctx, old, tx); err != nil {
			if !r.AcceptLoss || ctx.Err() != nil {
				return LostRevocations{err}
			}
			done.Lost = err
		}
	}
	if done.Lost != nil {
		if err := renew(ctx, tx); err != nil {
			return err
		}
	}
	// No server has the store open.
	if _, err := tx.ExecContext(ctx, "DELETE FROM refresh_leases"); err != nil {
		return err
	}
	return tx.Commit()
}

// swap gives the copy the name of the store. The order matters: at each moment the name belongs to
// one complete file, and no write-ahead log of the old file is beside the new one. Only of an old
// file that cannot be read, the log is moved away first.
func swap(r Restoration, partial string, readable, exists bool) error {
	if exists {
		if err := os.Link(r.Path, r.Replaced); err != nil {
			return fmt.Errorf("keep the replaced file: %w", err)
		}
	}
	for _, suffix := range []string{"-wal", "-shm", "-journal"} {
		var err error
		if readable {
			err = os.Remove(r.Path + suffix) // its content is in the file
		} else {
			err = os.Rename(r.Path+suffix, r.Replaced+suffix)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := os.Rename(partial, r.Path); err != nil {
		return err
	}
	return syncFolder(r.Path)
}

// removeAll removes a file of SQLite and the files beside it, as far as they exist.
func removeAll(path string) (err error) {
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		if e := os.Remove(path + suffix); e != nil && !errors.Is(e, fs.ErrNotExist) {
			err = errors.Join(err, e)
		}
	}
	return err
}
