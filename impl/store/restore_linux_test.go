package store_test

import (
	"database/sql"
	"os"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/store"
	"kalsel.dev/refresh/tests/server"
)

// opened returns how many descriptors of this process lead to the file.
func opened(t *testing.T, path string) (n int) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	for _, e := range entries {
		if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && to == path {
			n++
		}
	}
	return n
}

// TestOpenDuringRestore: a program that opens the store while a restore has the lock uses the new
// file afterwards, and not the one that was replaced.
func TestOpenDuringRestore(t *testing.T) {
	t.Parallel()
	f := newFile(t)
	f.with(t, func(*store.Store) {})
	must(t, store.Backup(t.Context(), f.path, f.backup))
	lock, err := sql.Open("sqlite", "file:"+f.path+"?_pragma=journal_mode(DELETE)")
	must(t, err)
	defer lock.Close()
	lock.SetMaxOpenConns(1)
	_, err = lock.Exec("BEGIN EXCLUSIVE")
	must(t, err)
	before := opened(t, f.path)
	result := make(chan error)
	go func() {
		s, err := store.Open(t.Context(), f.url())
		if err == nil {
			_, err = s.Revoke(t.Context(), ended(1))
			if closed := s.Close(); err == nil {
				err = closed
			}
		}
		result <- err
	}()
	for deadline := time.Now().Add(server.Patience); opened(t, f.path) == before; {
		if time.Now().After(deadline) {
			t.Fatal("the store is not being opened")
		}
		time.Sleep(time.Millisecond)
	}
	must(t, os.Rename(f.path, f.replaced))
	must(t, os.Rename(f.backup, f.path))
	_, err = lock.Exec("ROLLBACK")
	must(t, err)
	must(t, <-result)
	if got := f.revocations(t); len(got) != 1 {
		t.Errorf("the new file has %d revocations, want 1", len(got))
	}
	if got := (file{path: f.replaced}).revocations(t); len(got) != 0 {
		t.Errorf("the replaced file was changed: %v", got)
	}
}
