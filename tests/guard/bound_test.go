//go:build linux

// Package guard tests impl/guard in processes that are frozen, killed and cut off.
package guard

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"kalsel.dev/refresh/tests/server"
)

var shared server.Shared

func TestMain(m *testing.M) { os.Exit(shared.Main(m)) }

const (
	maxStale = 2 * time.Second
	guards   = 5 // of a process
	secret   = "0123456789abcdef0123456789abcdef"
)

// world is two nodes on one store, each behind a network that can fail, and four processes with
// guards.
type world struct {
	t       *testing.T
	store   string
	address [2]string
	nodes   [2]*server.Refreshd
	network [2]*server.Proxy
	apis    [4]*api
	program string
	backup  string
}

type api struct {
	*server.Process
	url string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	folder := t.TempDir()
	w := &world{t: t, store: "sqlite:" + filepath.Join(folder, "refresh.db")}
	w.backup, w.program = filepath.Join(folder, "backup.db"), filepath.Join(folder, "guarded")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", w.program, "./testdata/guarded").
		CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	file := []byte("api:" + secret + "\n")
	if err := os.WriteFile(filepath.Join(folder, "credentials"), file, 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range w.nodes {
		if w.address[i], err = server.FreeAddress(); err != nil {
			t.Fatal(err)
		}
		w.startNode(i)
		w.network[i] = server.StartProxy(t, w.address[i])
	}
	for i := range w.apis {
		w.startAPI(i)
	}
	w.command("backup", w.backup)
	return w
}

func (w *world) startNode(i int) {
	w.t.Helper()
	credentials := filepath.Join(filepath.Dir(w.program), "credentials")
	w.nodes[i] = shared.Start(w.t, "--store="+w.store, "--listen="+w.address[i],
		"--api-credentials="+credentials)
}

func (w *world) startAPI(i int) {
	w.t.Helper()
	cmd := exec.Command(w.program, "--guards", fmt.Sprint(guards), "--max-stale", maxStale.String(),
		"--server", "http://"+w.network[i%2].Address())
	cmd.Env = []string{"CREDENTIAL=api:" + secret, "SECRET=" + server.Secret}
	p := server.Run(w.t, cmd)
	w.apis[i] = &api{Process: p}
	p.Await(w.t, "the API to listen", func() bool {
		address, _ := p.Log.Addresses()
		w.apis[i].url = "http://" + address
		return address != ""
	})
}

func (w *world) command(args ...string) {
	w.t.Helper()
	cmd := exec.CommandContext(w.t.Context(), shared.Program(w.t), args...)
	cmd.Env = []string{"REFRESH_STORE=" + w.store}
	if out, err := cmd.CombinedOutput(); err != nil {
		w.t.Fatalf("refreshd %v: %v\n%s", args, err, out)
	}
}

// status returns the answer of a guard to an access token; 0 if there is none.
func (a *api) status(guard int, token string) int {
	r, err := http.NewRequest(http.MethodGet, fmt.Sprintf("%s/%d", a.url, guard), http.NoBody)
	if err != nil {
		return 0
	}
	r.Header.Set("Authorization", "Bearer "+token)
	response, err := client.Do(r)
	if err != nil {
		return 0
	}
	response.Body.Close()
	return response.StatusCode
}

// fault is a way to fail. It returns how to mend it.
type fault struct {
	name string
	do   func(w *world) (mend func())
}

func faults() []fault {
	network := func(how server.Behaviour) func(w *world) func() {
		return func(w *world) func() {
			w.network[1].Set(how)
			return func() { w.network[1].Set(server.Passes) }
		}
	}
	return []fault{
		{"lost packets", network(server.Hangs)},
		{"frozen API", func(w *world) func() {
			w.apis[1].Freeze()
			time.AfterFunc(maxStale+200*time.Millisecond, w.apis[1].Thaw)
			return func() {}
		}},
		{"killed node", func(w *world) func() {
			w.nodes[1].Kill()
			return func() { w.startNode(1) }
		}},
		{"killed API", func(w *world) func() {
			w.apis[2].Kill()
			w.startAPI(2)
			return func() {}
		}},
		{"frozen node", func(w *world) func() {
			w.nodes[1].Freeze()
			return w.nodes[1].Thaw
		}},
		{"refused connections", network(server.Refuses)},
		{"none", func(*world) func() { return func() {} }},
	}
}

// TestBound: no guard accepts an access token in a check that began later than MaxStale after the
// answer to its logout, whatever fails meanwhile. Afterwards each guard is fresh again, and accepts
// other tokens.
func TestBound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	all := faults()
	var ended []string
	// Every day the first four.
	for round := range server.Rounds(4, 3000) {
		f := all[round%len(all)]
		refresh := newToken(t)
		token := w.refreshed(refresh)
		w.eachGuard(func(a *api, guard int) {
			a.Await(t, "a guard to accept a new token", func() bool {
				return a.status(guard, token) == http.StatusOK
			})
		})
		mend := f.do(w)
		w.revoke(refresh)
		revoked := time.Now()
		w.eachGuard(func(a *api, guard int) {
			for {
				began := time.Now()
				status := a.status(guard, token)
				late := began.Sub(revoked) > maxStale
				switch {
				case late && status == http.StatusOK:
					t.Errorf("%s: accepted in a check that began %v after the logout", f.name, began.Sub(revoked))
					return
				case status == http.StatusUnauthorized, late && status != 0:
					return // a guard that knows never forgets
				}
				time.Sleep(5 * time.Millisecond)
			}
		})
		mend()
		ended = append(ended, token)
	}
	w.restored(ended)
}

// restored restores the backup, which knows none of the logouts: with the revocations of the store
// that it replaces, no guard accepts an old token, and new logouts reach each guard.
func (w *world) restored(ended []string) {
	for _, node := range w.nodes {
		node.Kill()
	}
	w.command("restore", w.backup)
	for i := range w.nodes {
		w.startNode(i)
	}
	refresh := newToken(w.t)
	token := w.refreshed(refresh)
	w.eachGuard(func(a *api, guard int) {
		a.Await(w.t, "a guard to be fresh after the restore", func() bool {
			return a.status(guard, token) == http.StatusOK
		})
		for _, token := range ended[max(0, len(ended)-20):] {
			if got := a.status(guard, token); got != http.StatusUnauthorized {
				w.t.Errorf("a token of an ended session is answered %d after a restore", got)
			}
		}
	})
	w.revoke(refresh)
	w.eachGuard(func(a *api, guard int) {
		a.Await(w.t, "a logout after the restore", func() bool {
			return a.status(guard, token) == http.StatusUnauthorized
		})
	})
	for i, a := range w.apis {
		if !a.Log.Contains("has lost entries") {
			w.t.Errorf("API %d has not noticed that the feed begins anew: %s", i, a.Log.Tail())
		}
	}
}

// eachGuard calls f for all guards at once.
func (w *world) eachGuard(f func(a *api, guard int)) {
	var group sync.WaitGroup
	for _, a := range w.apis {
		for guard := range guards {
			group.Go(func() { f(a, guard) })
		}
	}
	group.Wait()
}

func newToken(t *testing.T) string {
	t.Helper()
	return signed(t, map[string]any{"type": 1, "jti": rand.Text()})
}
