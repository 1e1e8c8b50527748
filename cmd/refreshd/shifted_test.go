package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/tests/server"
)

// shiftFile names the file that holds by how much the wall clock of refreshd-shifted is ahead.
const shiftFile = "CLOCK_SHIFT_FILE"

// shifted is the program on a machine whose wall clock is wrong.
func shifted() {
	clock := shiftedClock{revocation.SystemClock()}
	p := &program{
		stdin:  os.Stdin,
		stdout: os.Stdout,
		stderr: os.Stderr,
		now:    func() time.Time { return time.Unix(0, clock.Now().Wall) },
		clock:  clock,
	}
	environ := slices.DeleteFunc(os.Environ(), func(s string) bool {
		return strings.HasPrefix(s, shiftFile)
	})
	os.Exit(exitStatus(execute(untilSignal(), p, os.Args[1:], environ), os.Stderr))
}

type shiftedClock struct{ revocation.Clock }

func (c shiftedClock) Now() revocation.Instant {
	now := c.Clock.Now()
	text, err := os.ReadFile(os.Getenv(shiftFile))
	if err != nil {
		panic(err)
	}
	by, err := time.ParseDuration(string(text))
	if err != nil {
		panic(err)
	}
	now.Wall += int64(by)
	return now
}

// shiftedNode is a refreshd in rotation mode on a machine of its own.
type shiftedNode struct {
	*server.Process
	clock, url, operations string
}

func startShifted(t *testing.T, store string, ahead time.Duration, more ...string) *shiftedNode {
	t.Helper()
	n := &shiftedNode{clock: filepath.Join(t.TempDir(), "clock")}
	n.set(t, ahead)
	args := []string{"--rotation", "--store=" + store, "--listen=127.0.0.1:0",
		"--ops-listen=127.0.0.1:0"}
	cmd := exec.Command("refreshd-shifted", append(args, more...)...)
	cmd.Env = []string{"REFRESH_SECRET=" + testSecret, shiftFile + "=" + n.clock}
	n.Process = server.Run(t, cmd)
	n.Await(t, "the node to listen", func() bool {
		public, operations := n.Log.Addresses()
		n.url, n.operations = "http://"+public, "http://"+operations
		return public != ""
	})
	return n
}

// set sets the wall clock of the node's machine, in one step.
func (n *shiftedNode) set(t *testing.T, ahead time.Duration) {
	t.Helper()
	next := n.clock + ".next"
	if err := os.WriteFile(next, []byte(ahead.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, n.clock); err != nil {
		t.Fatal(err)
	}
}

// reply is an answer to a refresh.
type reply struct {
	Status       int
	Kind         string   `json:"error"`
	Causes       []string `json:"causes"`
	RefreshToken string   `json:"refresh_token"`
	RetryAfter   string   `json:"-"`
}

func (n *shiftedNode) refresh(t *testing.T, raw string) reply {
	t.Helper()
	resp, err := http.Post(n.url+"/api/v1/refresh", "application/json",
		strings.NewReader(fmt.Sprintf(`{"refresh_token":%q}`, raw)))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var r reply
	if err := json.NewDecoder(resp.Body).Decode(&r); err != nil {
		t.Fatal(err)
	}
	r.Status, r.RetryAfter = resp.StatusCode, resp.Header.Get("Retry-After")
	return r
}

// ready waits until the node says that it is ready, or that it is not.
func (n *shiftedNode) ready(t *testing.T, want bool) (text string) {
	t.Helper()
	n.Await(t, fmt.Sprintf("readiness to be %v", want), func() bool {
		resp, err := http.Get(n.operations + "/readyz")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		text = string(body)
		return err == nil && (resp.StatusCode == http.StatusOK) == want && (want ||
			strings.Contains(text, "clock"))
	})
	return text
}

// operationsPage returns a page of the operations listener.
func (n *shiftedNode) operationsPage(t *testing.T, path string) string {
	t.Helper()
	resp, err := http.Get(n.operations + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func loginToken(t *testing.T) string {
	t.Helper()
	return refreshd(t, "token", "issue", "--identity=ann", "--secret="+testSecret)
}
