package store_test

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"

	"kalsel.dev/refresh/impl/store"
)

// TestRestoreRefuses: a wrong backup changes nothing.
func TestRestoreRefuses(t *testing.T) {
	f := newFile(t)
	f.with(t, func(s *store.Store) { revoke(t, s, ended(1)) })
	must(t, store.Backup(t.Context(), f.path, f.backup))
	refuse := func(want string) {
		t.Helper()
		if _, err := f.restore(t, true); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Restore() = %v, want %q", err, want)
		}
		if got := f.revocations(t); len(got) != 1 {
			t.Errorf("the store was changed: %v", got)
		}
	}
	good, err := os.ReadFile(f.backup)
	must(t, err)
	must(t, os.WriteFile(f.backup,
		[]byte("no database, but a file of some length, 100 bytes or more than that"), 0o600))
	refuse("is not a store of refreshd")
	must(t, os.WriteFile(f.backup, nil, 0o600))
	refuse("is not a store of refreshd")
	damaged := append([]byte(nil), good...)
	copy(damaged[2*4096:], strings.Repeat("x", 4096))
	must(t, os.WriteFile(f.backup, damaged, 0o600))
	refuse("copy.db: ")
	must(t, os.Remove(f.backup))
	refuse("no such file")
	f.backup = f.path
	refuse("is the store itself")
}

// TestBackupRefuses: an existing file is not replaced, and a failed copy leaves nothing behind.
func TestBackupRefuses(t *testing.T) {
	f := newFile(t)
	if err := store.Backup(t.Context(), f.path, f.backup); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Backup() of a missing store = %v", err)
	}
	f.with(t, func(*store.Store) {})
	must(t, os.WriteFile(f.backup, []byte("mine"), 0o600))
	if err := store.Backup(t.Context(), f.path, f.backup); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Backup() to an existing file = %v", err)
	}
	if text, _ := os.ReadFile(f.backup); string(text) != "mine" {
		t.Errorf("the file was replaced by %q", text)
	}
	must(t, os.Remove(f.backup))
	must(t, os.WriteFile(f.path, []byte("not a database"), 0o600))
	if err := store.Backup(t.Context(), f.path, f.backup); err == nil {
		t.Error("Backup() of a damaged store succeeded")
	}
	if got := f.files(t); got != "refresh.db" {
		t.Errorf("the folder has %q", got)
	}
}

// TestRestoreInUse: a restore that finds the store open changes nothing.
func TestRestoreInUse(t *testing.T) {
	t.Parallel()
	f := newFile(t)
	f.with(t, func(s *store.Store) {
		must(t, store.Backup(t.Context(), f.path, f.backup))
		revoke(t, s, ended(1))
		if _, err := f.restore(t, true); !errors.Is(err, store.ErrInUse) {
			t.Errorf("Restore() = %v, want ErrInUse", err)
		}
		revoke(t, s, ended(2))
	})
	if got := f.revocations(t); len(got) != 2 || f.files(t) != "copy.db refresh.db" {
		t.Errorf("the store was changed: %v, %s", got, f.files(t))
	}
}
