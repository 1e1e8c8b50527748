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
	"strconv"
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
	environ := slices.DeleteFunc(os.Environ(), func(s string) bool { return strings.HasPrefix(s, shiftFile) })
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

func startShifted(t *testing.T, store string, ahead time.Duration) *shiftedNode {
	t.Helper()
	n := &shiftedNode{clock: filepath.Join(t.TempDir(), "clock")}
	n.set(t, ahead)
	cmd := exec.Command("refreshd-shifted", "--rotation", "--store="+store, "--listen=127.0.0.1:0", "--ops-listen=127.0.0.1:0")
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
	resp, err := http.Post(n.url+"/api/v1/refresh", "application/json", strings.NewReader(fmt.Sprintf(`{"refresh_token":%q}`, raw)))
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
		return err == nil && (resp.StatusCode == http.StatusOK) == want && (want || strings.Contains(text, "clock"))
	})
	return text
}

func loginToken(t *testing.T) string {
	t.Helper()
	return refreshd(t, "token", "issue", "--identity=ann", "--secret="+testSecret)
}

// stores calls test for each engine.
func stores(t *testing.T, test func(t *testing.T, url string)) {
	t.Run("sqlite", func(t *testing.T) { test(t, "sqlite:"+filepath.Join(t.TempDir(), "refresh.db")) })
	t.Run("postgres", func(t *testing.T) { test(t, server.StartPostgres(t).NewDatabase(t)) })
}

// TestClocksWithinSkew: if clocks differ by as much as is allowed, no user is logged out and no used
// token is accepted.
func TestClocksWithinSkew(t *testing.T) {
	stores(t, func(t *testing.T, url string) {
		for _, ahead := range []time.Duration{9 * time.Second, -9 * time.Second} {
			a, b := startShifted(t, url, 0), startShifted(t, url, ahead)
			a.ready(t, true)
			b.ready(t, true)
			raw := loginToken(t)
			for _, pair := range [][2]*shiftedNode{{a, b}, {b, a}} {
				first := pair[0].refresh(t, raw)
				again := pair[1].refresh(t, raw) // the second tab
				newest := pair[1].refresh(t, first.RefreshToken)
				if first.Status != 200 || again.Status != 200 || newest.Status != 200 ||
					again.RefreshToken != first.RefreshToken || newest.RefreshToken != first.RefreshToken {
					t.Errorf("%v ahead: %+v, %+v, %+v", ahead, first, again, newest)
				}
			}
		}
	})
}

// TestRotatedInTheFuture: a node that was two minutes ahead has rotated. The others, and the node itself once its clock is right, wait
// until that time has come, and then go on.
func TestRotatedInTheFuture(t *testing.T) {
	url := "sqlite:" + filepath.Join(t.TempDir(), "refresh.db")
	a, b := startShifted(t, url, 2*time.Minute), startShifted(t, url, 0)
	raw := loginToken(t)
	first := a.refresh(t, raw)
	if first.Status != 200 {
		t.Fatalf("got %+v", first)
	}
	a.set(t, 0)
	for _, n := range []*shiftedNode{a, b} {
		for name, raw := range map[string]string{"the predecessor": raw, "the newest": first.RefreshToken} {
			got := n.refresh(t, raw)
			seconds, err := strconv.Atoi(got.RetryAfter)
			if got.Status != 503 || got.Kind != "unavailable" || err != nil || seconds < 1 || seconds > 60 ||
				!slices.ContainsFunc(got.Causes, func(cause string) bool { return strings.Contains(cause, "clock") }) {
				t.Errorf("%s: %+v", name, got)
			}
		}
	}
	b.set(t, 2*time.Minute)
	if got := b.refresh(t, raw); got.RefreshToken != first.RefreshToken {
		t.Errorf("two minutes later: %+v", got)
	}
}

// TestClockDiffersFromTheStores: a node whose clock is wrong says so and answers 503, also to tokens that expired or are not valid yet by
// its clock, and goes on by itself once the clock is right.
func TestClockDiffersFromTheStores(t *testing.T) {
	postgres := server.StartPostgres(t)
	for _, ahead := range []time.Duration{time.Hour, -time.Hour, 400 * 24 * time.Hour} {
		n := startShifted(t, postgres.NewDatabase(t), 0)
		n.ready(t, true)
		raw := loginToken(t)
		first := n.refresh(t, raw)
		n.set(t, ahead)
		n.ready(t, false)
		if got := n.refresh(t, first.RefreshToken); got.Status != 503 || got.RetryAfter == "" {
			t.Errorf("%v ahead: %+v", ahead, got)
		}
		if logged := n.Log.Contains("The clock of this server differs"); !logged {
			t.Errorf("%v ahead: it is not logged", ahead)
		}
		n.set(t, 0)
		n.ready(t, true)
		if got := n.refresh(t, raw); first.Status != 200 || got.RefreshToken != first.RefreshToken {
			t.Errorf("%v ahead, set right: %+v, then %+v", ahead, first, got)
		}
	}
	// The command line refuses to revoke by a wrong clock.
	clock := filepath.Join(t.TempDir(), "clock")
	if err := os.WriteFile(clock, []byte("-1h"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "refreshd-shifted", "revoke", "--identity=ann", "--store="+postgres.NewDatabase(t))
	cmd.Env = []string{shiftFile + "=" + clock}
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "no session was revoked") {
		t.Errorf("revoke: %v, %s", err, out)
	}
}
