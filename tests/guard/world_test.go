//go:build linux

// Package guard tests impl/guard in processes that are frozen, killed and cut off.
package guard

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
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
	apis    [4]api
	program string
	backup  string
	random  *rand.Rand
}

// api is a place for a process with guards: one that was killed is replaced.
type api struct {
	process atomic.Pointer[server.Process]
	url     atomic.Pointer[string]
}

func newWorld(t *testing.T, seed uint64) *world {
	t.Helper()
	folder := t.TempDir()
	w := &world{
		t:      t,
		store:  "sqlite:" + filepath.Join(folder, "refresh.db"),
		random: rand.New(rand.NewPCG(seed, 0)),
	}
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
	p.Await(w.t, "the API to listen", func() bool {
		address, _ := p.Log.Addresses()
		url := "http://" + address
		w.apis[i].url.Store(&url)
		return address != ""
	})
	w.apis[i].process.Store(p)
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
	r, err := http.NewRequest(http.MethodGet, fmt.Sprintf("%s/%d", *a.url.Load(), guard), http.NoBody)
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

// eachGuard calls f for all guards at once.
func (w *world) eachGuard(f func(a *api, guard int)) {
	var group sync.WaitGroup
	for i := range w.apis {
		for guard := range guards {
			group.Go(func() { f(&w.apis[i], guard) })
		}
	}
	group.Wait()
}
