package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/store"
)

// TestSQLiteFull: a store on a full disk reports it, keeps the acknowledged changes, and goes on when
// there is room.
func TestSQLiteFull(t *testing.T) {
	t.Run("disk", func(t *testing.T) {
		dir := t.TempDir()
		if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1048576"); err != nil {
			t.Skipf("only who may mount has a small disk: %v; the other case stands for it", err)
		}
		t.Cleanup(func() {
			if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
				t.Error(err)
			}
		})
		ballast := filepath.Join(dir, "ballast")
		must(t, os.WriteFile(ballast, make([]byte, 1<<18), 0o600))
		s := open(t, "sqlite:"+filepath.Join(dir, "refresh.db"))
		fill(t, s, func() error { return os.Remove(ballast) })
	})
	t.Run("file", func(t *testing.T) {
		s := open(t, "sqlite:"+filepath.Join(t.TempDir(), "refresh.db"))
		must(t, s.LimitPages(t.Context(), 200))
		fill(t, s, func() error { return s.LimitPages(t.Context(), 1<<30) })
	})
}

func fill(t *testing.T, s *store.Store, makeRoom func() error) {
	t.Helper()
	acknowledged, failed := 0, 0
	for n := 0; n < 5000 && failed < 3; n++ {
		r := ended(n)
		r.Reason = strings.Repeat("x", 2000)
		_, err := s.Revoke(t.Context(), r)
		switch {
		case err == nil:
			acknowledged++
		case errors.Is(err, revocation.ErrUnavailable):
			failed++
		default:
			t.Fatalf("got %v, want ErrUnavailable", err)
		}
	}
	if failed != 3 || acknowledged == 0 {
		t.Fatalf("%d acknowledged, %d failed: the store did not fill up", acknowledged, failed)
	}
	if n := walk(t, s); n != acknowledged {
		t.Errorf("%d are there, %d were acknowledged", n, acknowledged)
	}
	must(t, makeRoom())
	if _, err := s.Revoke(t.Context(), ended(9999)); err != nil {
		t.Errorf("with room again: %v", err)
	}
}
