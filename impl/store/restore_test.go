package store_test

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/store"
)

// file is the store of a test, and the names that go with it.
type file struct{ path, backup, replaced string }

func (f file) url() string { return "sqlite:" + f.path }

func newFile(t *testing.T) file {
	dir := t.TempDir()
	return file{
		path:     filepath.Join(dir, "refresh.db"),
		backup:   filepath.Join(dir, "copy.db"),
		replaced: filepath.Join(dir, "old.db"),
	}
}

func (f file) restore(t *testing.T, acceptLoss bool) (store.Restored, error) {
	t.Helper()
	return store.Restore(t.Context(), store.Restoration{
		Path:       f.path,
		Backup:     f.backup,
		Replaced:   f.replaced,
		AcceptLoss: acceptLoss,
	})
}

// with opens the store for as long as use runs.
func (f file) with(t *testing.T, use func(*store.Store)) {
	t.Helper()
	s, err := store.Open(t.Context(), f.url())
	must(t, err)
	use(s)
	must(t, s.Close())
}

// revocations returns the revocations that the store lists, by session ID or identity.
func (f file) revocations(t *testing.T) map[string]revocation.Revocation {
	t.Helper()
	all := map[string]revocation.Revocation{}
	f.with(t, func(s *store.Store) {
		for _, r := range list(t, s, math.MaxInt64, 1000) {
			name := r.Session.String()
			if r.Kind == revocation.OfIdentity {
				name = r.Identity
			}
			all[name] = r
		}
	})
	return all
}

func (f file) files(t *testing.T) string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(f.path))
	must(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

// TestRestore: a restored store has the revocations of the backup and of the replaced store, and
// its feed continues where that of the replaced store ended.
func TestRestore(t *testing.T) {
	f := newFile(t)
	f.with(t, func(s *store.Store) {
		revoke(t, s, ended(1))
		revoke(t, s, cutoff("ann", 1000))
		revoke(t, s, cutoff("bob", 1000))
		must(t, store.Backup(t.Context(), f.path, f.backup)) // while it is open
		revoke(t, s, ended(2))
		revoke(t, s, cutoff("ann", 9000))
		must(t, s.NoteServer(t.Context(), 99*time.Hour, true))
		must(t, s.NoteSigningKey(t.Context(), "thumb"))
		must(t, s.Join(t.Context(), revocation.Lease{Node: "dead", Version: 7, Acknowledged: 5}))
	})
	done, err := f.restore(t, false)
	if err != nil || done.Carried != 2 || !done.Replaced || done.Lost != nil {
		t.Fatalf("Restore() = %+v, %v; want 2 carried over", done, err)
	}
	if got, want := f.files(t), "copy.db old.db refresh.db"; got != want {
		t.Errorf("the folder has %q, want %q", got, want)
	}
	info, err := os.Stat(f.path)
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the mode is %v, want 0600", info.Mode())
	}
	got := f.revocations(t)
	for name, want := range map[string]struct{ at, sequence int64 }{
		idOf(1).String(): {1000, 1},
		"bob":            {1000, 3},
		idOf(2).String(): {1000, 6},
		"ann":            {9000, 7},
	} {
		if r := got[name]; r.RevokedAt != want.at || r.Sequence != want.sequence {
			t.Errorf("%s: revoked at %d, sequence %d; want %v", name, r.RevokedAt, r.Sequence, want)
		}
	}
	f.with(t, func(s *store.Store) {
		if leases, err := s.PeekLeases(t.Context()); err != nil || len(leases) != 0 {
			t.Errorf("leases %v, %v; want none", leases, err)
		}
		if signed, err := s.HasSigned(t.Context(), "thumb"); err != nil || !signed {
			t.Errorf("the signing key is not known: %v", err)
		}
		// The revocation is kept for as long as the replaced store would have kept it.
		r := revoke(t, s, ended(3))
		if r.Sequence != 8 || r.KeptUntil < 99*time.Hour.Milliseconds() {
			t.Errorf("a new revocation has sequence %d and is kept until %d", r.Sequence,
				r.KeptUntil)
		}
	})
	// The replaced file is a complete store.
	old := file{path: f.replaced}
	if got := old.revocations(t); len(got) != 4 {
		t.Errorf("the replaced store has %d revocations, want 4", len(got))
	}
}

// TestRestoreWithLoss: without a replaced store that can be read, nothing is restored unless the
// operator accepts the loss. Then the feed goes on above everything that may have been given out.
func TestRestoreWithLoss(t *testing.T) {
	for name, damage := range map[string]func(path string) error{
		"missing": os.Remove,
		"no database": func(path string) error {
			return os.WriteFile(path, []byte(strings.Repeat("x", 9000)), 0o600)
		},
		"other tables": func(path string) error { return os.WriteFile(path, nil, 0o600) },
		"cut off":      func(path string) error { return os.Truncate(path, 3*4096) },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFile(t)
			f.with(t, func(s *store.Store) {
				revoke(t, s, ended(1))
				must(t, store.Backup(t.Context(), f.path, f.backup))
				revoke(t, s, ended(2))
			})
			must(t, damage(f.path))
			must(t, os.WriteFile(f.path+"-wal", []byte("stale"), 0o600))
			before, _ := os.ReadFile(f.path)
			_, err := f.restore(t, false)
			if _, ok := errors.AsType[store.LostRevocations](err); !ok {
				t.Fatalf("Restore() = %v, want LostRevocations", err)
			}
			if after, _ := os.ReadFile(f.path); string(after) != string(before) {
				t.Fatal("the store was changed")
			}
			done, err := f.restore(t, true)
			if err != nil || done.Lost == nil {
				t.Fatalf("Restore() = %+v, %v; want a loss", done, err)
			}
			got := f.revocations(t)
			if len(got) != 1 || got[idOf(1).String()].Sequence != 1 {
				t.Errorf("revocations %v, want that of the backup", got)
			}
			f.with(t, func(s *store.Store) {
				if r := revoke(t, s, ended(3)); r.Sequence < 1_000_000 {
					t.Errorf(
						"a new revocation has sequence %d: programs that followed the lost feed skip it", r.Sequence)
				}
			})
		})
	}
}

// TestRestoreOfAnotherLineage: sequences that two stores gave to different revocations do no harm.
func TestRestoreOfAnotherLineage(t *testing.T) {
	f := newFile(t)
	other := file{path: filepath.Join(t.TempDir(), "other.db")}
	other.with(t, func(s *store.Store) {
		revoke(t, s, ended(10))
		revoke(t, s, ended(11))
	})
	must(t, store.Backup(t.Context(), other.path, f.backup))
	f.with(t, func(s *store.Store) {
		revoke(t, s, ended(20))
		revoke(t, s, ended(10))
	})
	if _, err := f.restore(t, false); err != nil {
		t.Fatal(err)
	}
	if got := f.revocations(t); len(got) != 3 {
		t.Errorf("%d revocations, want 3: %v", len(got), got)
	}
}

// TestRestoreOfAnOlderSchema: the copy is brought up to date, and the backup is left as it is.
func TestRestoreOfAnOlderSchema(t *testing.T) {
	f := newFile(t)
	f.with(t, func(s *store.Store) { revoke(t, s, ended(1)) })
	must(t, store.Backup(t.Context(), f.path, f.backup))
	for _, statement := range []string{
		"DROP TABLE refresh_store",
		"DROP TABLE refresh_signing_keys",
		"ALTER TABLE refresh_revocations DROP COLUMN actor",
		"DELETE FROM refresh_schema WHERE version_id > 2",
	} {
		exec1(t, "sqlite:"+f.backup, statement)
	}
	before, err := os.ReadFile(f.backup)
	must(t, err)
	f.with(t, func(s *store.Store) { revoke(t, s, ended(2)) })
	if _, err := f.restore(t, false); err != nil {
		t.Fatal(err)
	}
	if got := f.revocations(t); len(got) != 2 || got[idOf(2).String()].Actor != "client" {
		t.Errorf("revocations %v, want both", got)
	}
	if after, _ := os.ReadFile(f.backup); string(after) != string(before) {
		t.Error("the backup was changed")
	}
}

// TestRestoreBesideANewerSchema: a program that is too old for the store restores the backup that
// was made before the upgrade, and carries over the revocations that it can read.
func TestRestoreBesideANewerSchema(t *testing.T) {
	f := newFile(t)
	f.with(t, func(*store.Store) { must(t, store.Backup(t.Context(), f.path, f.backup)) })
	f.with(t, func(s *store.Store) { revoke(t, s, ended(1)) })
	for _, statement := range []string{
		"ALTER TABLE refresh_revocations ADD COLUMN later TEXT NOT NULL DEFAULT 'x'",
		"INSERT INTO refresh_schema (version_id, is_applied) VALUES (999, true)",
		"UPDATE refresh_store SET oldest_schema = 999",
	} {
		exec1(t, f.url(), statement)
	}
	if done, err := f.restore(t, false); err != nil || done.Carried != 1 {
		t.Fatalf("Restore() = %+v, %v; want 1 carried over", done, err)
	}
	if got := f.revocations(t); len(got) != 1 {
		t.Errorf("revocations %v, want one", got)
	}
}
