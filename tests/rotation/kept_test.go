//go:build linux

package rotation

import (
	"math"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/store"
	"kalsel.dev/refresh/tests/server"
)

// TestRevokedWithoutTheServersSettings: the command keeps a revocation until the last token of the
// session is dead, although it knows neither that the servers rotate nor how long they let tokens
// live.
func TestRevokedWithoutTheServersSettings(t *testing.T) {
	const day = 24 * time.Hour
	url := "sqlite:" + filepath.Join(t.TempDir(), "refresh.db")
	s := launch(t, "--store="+url, "--session-lifetime=500d", "--max-lifetime=600d")
	raw := loginWithID("ann", "", time.Now())
	if a := redeem(s.URL, raw); a.status != http.StatusOK {
		t.Fatalf("%d %v", a.status, a.causes)
	}
	s.Kill()
	cmd := exec.Command(shared.Program(t), "revoke", "--token=-", "--store="+url)
	cmd.Env = append(cmd.Environ(), "REFRESH_SECRET="+server.Secret)
	cmd.Stdin = strings.NewReader(raw)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	db, err := store.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	list, err := db.List(t.Context(), math.MaxInt64, 0, 10)
	if err != nil || len(list) != 1 {
		t.Fatalf("%v, %v", list, err)
	}
	if kept := time.Until(time.UnixMilli(list[0].KeptUntil)); kept < 600*day {
		t.Errorf(
			"the revocation is kept for %v, and the session's tokens may live for 500 days",
			kept,
		)
	}
}
