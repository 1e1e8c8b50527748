package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/token"
	"kalsel.dev/refresh/tests/server"
)

const twoNodesIssuer = "https://login.example"

// node is a refreshd process with its own copy of the keys.
type node struct {
	*server.Process
	keys, url string
}

// refreshd runs the real program to its end and returns its output.
func refreshd(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "refreshd", args...)
	cmd.Env = []string{}
	out, err := cmd.Output()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		t.Fatalf("refreshd %s: %v\n%s", args, err, failed.Stderr)
	}
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

func startNode(t *testing.T, keys string) *node {
	n := &node{keys: keys}
	cmd := exec.Command("refreshd", "--keys="+keys, "--issuer="+twoNodesIssuer,
		"--listen=127.0.0.1:0", "--ops-listen=127.0.0.1:0", "--store=sqlite::memory:")
	cmd.Env = []string{}
	n.Process = server.Run(t, cmd)
	n.Await(t, "the node to listen", func() bool {
		public, _ := n.Log.Addresses()
		n.url = "http://" + public
		return public != ""
	})
	return n
}

func wait(t *testing.T, event string, happened func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !happened(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("gave up waiting for", event)
		}
	}
}

func get(url string) ([]byte, error) {
	resp, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}

func (n *node) refresh(raw string) (access string, err error) {
	body := fmt.Sprintf(`{"refresh_token":%q,"limit":10}`, raw)
	resp, err := http.Post(n.url+"/api/v1/refresh", "application/json", strings.NewReader(body))
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%d %s %w", resp.StatusCode, text, err)
	}
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	return answer.AccessToken, json.Unmarshal(text, &answer)
}

// accepts verifies an access token as an API would, with the keys that this node publishes now. It
// returns the ID of the key.
func (n *node) accepts(access string) (kid string, err error) {
	published, err := get(n.url + "/.well-known/jwks.json")
	if err != nil {
		return "", err
	}
	theirs, _, err := jwk.ParseIssuerKeys(published, "")
	if err != nil {
		return "", err
	}
	other, err := jwk.SecretSet([]byte(testSecret), false)
	if err != nil {
		return "", err
	}
	set, err := other.WithIssuer(theirs...)
	if err != nil {
		return "", err
	}
	t, err := token.NewVerifier(set, token.Rules{Issuer: twoNodesIssuer}).Access(access, time.Now())
	if err != nil {
		return "", err
	}
	return t.KeyID, nil
}

// traffic refreshes on two nodes without a pause. Each access token is verified with the keys of
// the other node.
type traffic struct {
	mu     sync.Mutex
	tokens []string
	minted map[string]int // by node and key ID
	failed []error
}

func (l *traffic) add(raw string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tokens = append(l.tokens, raw)
}

func (l *traffic) pick(i int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.tokens[i%len(l.tokens)]
}

func (l *traffic) count(n *node, kid string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.minted[n.keys+" "+kid]
}

func (l *traffic) once(i int, here, there *node) {
	access, err := here.refresh(l.pick(i))
	kid := ""
	if err == nil {
		kid, err = there.accepts(access)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.failed = append(l.failed, err)
	}
	l.minted[here.keys+" "+kid]++
}

// TestRolloverWithoutDowntime: while two real servers answer, the keys roll over, and the new key
// reaches the second server later than the first. No refresh fails, and each server verifies the
// tokens of the other before, during and after.
func TestRolloverWithoutDowntime(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fileA, fileB := filepath.Join(dir, "a.json"), filepath.Join(dir, "b.json")
	deliver := func() {
		data, err := os.ReadFile(fileA)
		if err == nil {
			err = os.WriteFile(fileB+".new", data, 0o600)
		}
		if err = errors.Join(err, os.Rename(fileB+".new", fileB)); err != nil {
			t.Fatal(err)
		}
	}
	login := func() string {
		return refreshd(t, "token", "issue",
			"--keys="+fileA, "--issuer="+twoNodesIssuer, "--identity=me")
	}
	refreshd(t, "keys", "new", "--keys="+fileA, "--id=old")
	deliver()
	a, b := startNode(t, fileA), startNode(t, fileB)
	load := &traffic{tokens: []string{login()}, minted: map[string]int{}}
	stop := make(chan struct{})
	var workers sync.WaitGroup
	for _, pair := range [][2]*node{{a, b}, {b, a}} {
		workers.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				case <-time.After(2 * time.Millisecond):
					load.once(i, pair[0], pair[1])
				}
			}
		})
	}
	enough := func(kid string, n int) func() bool {
		return func() bool { return load.count(a, kid) >= n && load.count(b, kid) >= n }
	}
	wait(t, "traffic under the old key", enough("old", 20))

	refreshd(t, "keys", "rotate", "--keys="+fileA, "--id=new", "--delay=8s")
	wait(t, "the first server to know the new key", func() bool {
		return a.Log.Contains("keys=2 active=old")
	})
	deliver()
	b.Send(syscall.SIGHUP)
	wait(t, "traffic under the new key", enough("new", 20))
	load.add(login()) // a refresh token of the new key
	wait(t, "traffic after the rotation", enough("new", 60))
	close(stop)
	workers.Wait()

	if len(load.failed) > 0 {
		t.Errorf("%d failed, the first: %v", len(load.failed), load.failed[0])
	}
	if !b.Log.Contains("keys=2 active=old") {
		t.Error("the second server knew the new key too late for this test to mean anything")
	}
	t.Logf("refreshes: %v", load.minted)
}
