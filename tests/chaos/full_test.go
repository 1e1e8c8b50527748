//go:build linux

package chaos

import (
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestDiskFull: if the disk is full, a revoke is answered 503, refreshes go on, and no acknowledged
// revocation is lost.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=2097152"); err != nil {
		t.Skipf("only who may mount has a small disk: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_FORCE|2 /* MNT_DETACH */); err != nil {
			t.Error(err)
		}
	})
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 1<<18), 0o600); err != nil {
		t.Fatal(err)
	}
	store := "sqlite:" + filepath.Join(dir, "refresh.db")
	s := start(t, store)
	ended := fillUp(t, s)
	fresh := newToken()
	if a := s.refresh(fresh); a.status != http.StatusOK {
		t.Errorf("refresh on a full disk: %d %s", a.status, a.body)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	mustRevoke(t, s, fresh)
	ended = append(ended, fresh)
	s.Kill()
	s = start(t, store)
	for _, token := range ended {
		if a := s.refresh(token); a.status != http.StatusUnprocessableEntity {
			t.Fatalf("a session whose end was acknowledged answers %d", a.status)
		}
	}
	t.Logf("%d revocations were acknowledged", len(ended))
}

// fillUp revokes until the disk is full. It returns the tokens whose revocation was acknowledged.
func fillUp(t *testing.T, s *node) (ended []string) {
	t.Helper()
	for full := 0; full < 3; {
		token := newToken()
		switch a := s.revoke(token); a.status {
		case http.StatusNoContent:
			ended = append(ended, token)
		case http.StatusServiceUnavailable:
			wantsAway(t, "revoke on a full disk", a)
			full++
		default:
			t.Fatalf("revoke: %d %s", a.status, a.body)
		}
	}
	if len(ended) < 50 {
		t.Errorf("only %d were acknowledged before the disk was full", len(ended))
	}
	return ended
}
