//go:build linux

package chaos

import (
	"context"
	"crypto/rand"
	"database/sql"
	mathrand "math/rand/v2"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/store"
	"kalsel.dev/refresh/tests/server"
)

// command runs a command of refreshd on a store, and returns its output.
func command(ctx context.Context, t *testing.T, url string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(ctx, shared.Program(t), args...)
	cmd.Env = []string{"REFRESH_STORE=" + url}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func mustRun(t *testing.T, url string, args ...string) {
	t.Helper()
	if out, err := command(t.Context(), t, url, args...); err != nil {
		t.Fatalf("refreshd %s: %v\n%s", args, err, out)
	}
}

// checkIntegrity fails the test unless the file is a sound database.
func checkIntegrity(t *testing.T, path string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var verdict string
	if err := db.QueryRow("PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
		t.Fatalf("%s: integrity check: %q, %v", path, verdict, err)
	}
}

// TestBackupUnderLoad: a backup is made while two servers rotate and revoke. Then the servers are
// killed, and the backup is restored: the store is sound, and every session whose revocation was
// acknowledged stays revoked, whether it was revoked before the backup or after it.
func TestBackupUnderLoad(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, copied := filepath.Join(dir, "refresh.db"), filepath.Join(dir, "copy.db")
	url := "sqlite:" + path
	nodes := []*node{
		{shared.Start(t, "--store="+url, "--rotation")},
		{shared.Start(t, "--store="+url, "--rotation")},
	}
	var mu sync.Mutex
	var revoked []string
	rotated := 0
	count := func() (int, int) {
		mu.Lock()
		defer mu.Unlock()
		return len(revoked), rotated
	}
	var clients sync.WaitGroup
	for i := range 4 {
		s := nodes[i%2]
		clients.Go(func() {
			for !s.Ended() {
				token, other := newToken(), newToken()
				if s.refresh(token).status == http.StatusOK {
					mu.Lock()
					rotated++
					mu.Unlock()
				}
				if s.revoke(other).status == http.StatusNoContent {
					mu.Lock()
					revoked = append(revoked, other)
					mu.Unlock()
				}
			}
		})
	}
	grow := func(by int) {
		t.Helper()
		r0, n0 := count()
		await(t, "more load", nodes[0], func() bool {
			r, n := count()
			return r >= r0+by && n >= n0+by
		})
	}
	grow(30)
	mustRun(t, url, "backup", copied)
	checkIntegrity(t, copied)
	grow(30)
	if out, err := command(t.Context(), t, url, "restore", copied); err == nil ||
		!strings.Contains(out, "stop all servers") {
		t.Fatalf("restore beside running servers: %v\n%s", err, out)
	}
	for _, s := range nodes {
		s.Kill()
	}
	clients.Wait()
	mustRun(t, url, "restore", copied)
	checkIntegrity(t, path)
	s := &node{shared.Start(t, "--store="+url, "--rotation")}
	awaitReady(t, s)
	for _, token := range revoked {
		if a := s.refresh(token); a.status != http.StatusUnprocessableEntity {
			t.Fatalf("a revoked session answers %d %s", a.status, a.body)
		}
	}
	token := newToken()
	if a := s.refresh(token); a.status != http.StatusOK {
		t.Fatalf("a new session answers %d %s", a.status, a.body)
	}
	mustRevoke(t, s, token)
	r, n := count()
	t.Logf("%d revocations and %d rotations were acknowledged", r, n)
}

// TestRestoreIsKilled: wherever a restore is killed, the store is complete: either the old one or
// the restored one, with all revocations. The next restore succeeds.
func TestRestoreIsKilled(t *testing.T) {
	t.Parallel()
	const before, after = 100, 100
	dir := t.TempDir()
	path, copied := filepath.Join(dir, "refresh.db"), filepath.Join(dir, "copy.db")
	url := "sqlite:" + path
	fill := func(count int) {
		t.Helper()
		db, err := store.Open(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		for range count {
			r := revocation.Revocation{
				Kind:      revocation.OfIdentity,
				Identity:  rand.Text(),
				RevokedAt: time.Now().UnixMilli(),
				KeptUntil: revocation.Forever,
			}
			if _, err := db.Revoke(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		}
	}
	fill(before)
	mustRun(t, url, "backup", copied)
	fill(after)
	began := time.Now()
	mustRun(t, url, "restore", copied)
	took := time.Since(began)
	killed := 0
	for range server.Rounds(8, 500) {
		ctx, cancel := context.WithTimeout(t.Context(), mathrand.N(took))
		if _, err := command(ctx, t, url, "restore", copied); err != nil {
			killed++
		}
		cancel()
		checkIntegrity(t, path)
		list, err := exec.Command(shared.Program(t), "revocations", "list", "--store="+url).Output()
		if n := strings.Count(string(list), "all sessions of"); err != nil || n != before+after {
			t.Fatalf("%d revocations are left of %d: %v", n, before+after, err)
		}
	}
	mustRun(t, url, "restore", copied)
	checkIntegrity(t, path)
	if left, err := filepath.Glob(path + ".restoring*"); err != nil || len(left) > 0 {
		t.Errorf("a killed restore left %v, %v", left, err)
	}
	t.Logf("%d restores were killed", killed)
}
