package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"

	"github.com/pressly/goose/v3"

	"kalsel.dev/refresh/impl/owner"
)

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

// Restored is the result of Restore.
type Restored struct {
	Replaced bool  // there was a file, and it is kept
	Carried  int   // revocations that the backup did not have
	Lost     error // why revocations may be missing; nil if none is
}

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
	const flags = os.O_CREATE | os.O_EXCL | os.O_RDWR
	file, err := os.OpenFile(partial, flags, 0o600) //nolint:gosec // the operator's own choice
	if err != nil {
		return err
	}
	if err := owner.Keep(file, r.Path); err != nil {
		return errors.Join(err, file.Close())
	}
	return vacuumInto(ctx, backup, file)
}

// completeCopy brings the schema of the copy up to date and adds the revocations of the old store.
func completeCopy(
	ctx context.Context, r Restoration, partial string, old *sql.DB, done *Restored,
) error {
	fresh, err := openFile(partial, "mode=rw&_pragma=synchronous(FULL)")
	if err != nil {
		return err
	}
	defer fresh.Close()
	if _, err := migrate(ctx, fresh, goose.DialectSQLite3); err != nil {
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
	// Programs that follow the feed read it again from its start.
	if _, err := tx.ExecContext(ctx, replaceEpoch, rand.Text()); err != nil {
		return err
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
