package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"kalsel.dev/refresh/impl/service"
	"kalsel.dev/refresh/impl/store"
)

type backupCmd struct {
	File string `arg:"" placeholder:"FILE" help:"The new file for the copy."`
}

// Help adds details to the command's --help.
func (backupCmd) Help() string {
	return `Copies the SQLite store of --store into a new file, while servers use it. If the
command fails, there is no copy. For PostgreSQL use pg_dump, or base backups with WAL archiving.`
}

// Run writes the copy. It refuses an existing file.
func (cmd backupCmd) Run(ctx context.Context, p *program, s *service.Settings) error {
	path, err := sqliteFile(s, "pg_dump --format=custom, or base backups with WAL archiving")
	if err != nil {
		return err
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return service.SettingError(s.Name(&s.Store) + ": " + path + noStore)
	}
	switch err := store.Backup(ctx, path, cmd.File); {
	case errors.Is(err, fs.ErrExist):
		return usageError(cmd.File + ": exists already; name a new file")
	case err != nil:
		return fmt.Errorf("no backup was made: %w", err)
	}
	info, err := os.Stat(cmd.File)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "Copied %s to %s (%d bytes)\n", path, cmd.File, info.Size())
	return err
}

// sqliteFile returns the file of the store. It fails if the store is of another kind, and names the
// tool for PostgreSQL.
func sqliteFile(s *service.Settings, tool string) (string, error) {
	path, ok := strings.CutPrefix(s.Store, "sqlite:")
	switch {
	case !ok:
		return "", service.SettingError(s.Name(&s.Store) +
			": this command is for SQLite; for PostgreSQL use " + tool)
	case path == ":memory:":
		return "", service.SettingError(s.Name(&s.Store) +
			": sqlite::memory: exists only within a server; this command cannot see it")
	}
	return path, nil
}

type restoreCmd struct {
	File       string `arg:"" placeholder:"FILE" help:"A copy that refreshd backup made."`
	AcceptLoss bool   `help:"Restore even if revocations since the backup are lost."`
}

// Help adds details to the command's --help.
func (restoreCmd) Help() string {
	return `Replaces the SQLite store of --store by a copy of the file. Stop all servers first: the
command waits up to six seconds for them, and changes nothing while one has the store open.

The replaced file is kept beside the new one. Its revocations are carried over, so that no revoked
session is accepted again. If they cannot be read, the command changes nothing without
--accept-loss.`
}

// replacedFormat marks the names of replaced files.
const replacedFormat = "20060102T150405.000Z"

// Run restores the backup. If revocations are lost, it tells how to make them again.
func (cmd restoreCmd) Run(ctx context.Context, p *program, s *service.Settings) error {
	path, err := sqliteFile(s, "pg_restore, or recovery from a base backup, "+
		"and then make the revocations since the backup again (docs/operations.md)")
	if err != nil {
		return err
	}
	replaced := path + ".replaced-" + p.now().UTC().Format(replacedFormat)
	done, err := store.Restore(ctx, store.Restoration{
		Path:       path,
		Backup:     cmd.File,
		Replaced:   replaced,
		AcceptLoss: cmd.AcceptLoss,
	})
	lost, isLost := errors.AsType[store.LostRevocations](err)
	switch {
	case errors.Is(err, store.ErrInUse):
		return fmt.Errorf("nothing was restored: %w: stop all servers of this store, "+
			"then run the command again", err)
	case isLost && errors.Is(lost.Cause, fs.ErrNotExist):
		return fmt.Errorf("nothing was restored: there is no store at %s whose revocations since "+
			"the backup could be carried over. If %s is right, run the command again with "+
			"--accept-loss", path, s.Name(&s.Store))
	case isLost:
		return fmt.Errorf("nothing was restored: %w. Sessions that were revoked since then would "+
			"be accepted again. To accept this, run the command again with --accept-loss", err)
	case err != nil:
		return fmt.Errorf("nothing was restored: %w", err)
	}
	var out strings.Builder
	fmt.Fprintf(&out, "Restored %s from %s\n", path, cmd.File)
	if done.Replaced {
		fmt.Fprintf(&out, "The replaced file is %s\n", filepath.ToSlash(replaced))
	}
	fmt.Fprintf(&out, "Revocations since the backup that were carried over: %d\n", done.Carried)
	if _, err := p.stdout.Write([]byte(out.String())); err != nil || done.Lost == nil {
		return err
	}
	_, err = fmt.Fprintf(p.stderr, lossText, done.Lost, time.Duration(s.MaxLifetime).Hours()/24)
	return err
}

const lossText = `
Revocations since the backup are lost: %v.
Before you start a server, do one of these, or sessions that were revoked are accepted again:

  - If you have a record of the revocations, such as the audit log, make them again: refreshd revoke
    --identity=NAME, or --session=ID.
  - If not, replace every key that signs refresh tokens. All users log in again. For a key file run
    refreshd keys rotate --delay=0s --keep=0s. For a secret, give refreshd and the login a new one.

Without either, a lost revocation matters for up to %.0f days (--max-lifetime).
`
