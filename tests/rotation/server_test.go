//go:build linux

// Package rotation tests rotation mode from outside: real processes, both engines, lost requests and answers, kills, restores.
package rotation

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"kalsel.dev/refresh/tests/deploy"
	"kalsel.dev/refresh/tests/pgtest"
	"kalsel.dev/refresh/tests/process"
)

// patience is how long a test waits for what must happen; it decides nothing but when to give up.
const patience = time.Minute

var (
	postgres pgtest.Shared
	program  deploy.Program
)

func TestMain(m *testing.M) {
	code := m.Run()
	if err := postgres.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	if err := program.Remove(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// eachStore runs the test on a store of each engine that several processes can use.
func eachStore(t *testing.T, test func(t *testing.T, store string)) {
	t.Run("sqlite", func(t *testing.T) { test(t, "sqlite:"+filepath.Join(t.TempDir(), "refresh.db")) })
	t.Run("postgres", func(t *testing.T) { test(t, postgres.Server(t).NewDatabase(t)) })
}

// server is a running refreshd.
type server struct {
	*process.Process
	url string
}

var listening = regexp.MustCompile(`msg=listening address=(\S+)`)

// launch runs a server in rotation mode and waits until it listens, or ends. It ends with the test.
func launch(t *testing.T, settings ...string) *server {
	t.Helper()
	cmd := exec.Command(program.Path(t), append([]string{"--rotation", "--listen=127.0.0.1:0", "--ops-listen="}, settings...)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	if !strings.Contains(strings.Join(settings, " "), "--keys") {
		cmd.Env = append(cmd.Env, "REFRESH_SECRET="+deploy.Secret)
	}
	cmd.Dir = t.TempDir()
	p, err := process.Start(cmd, syscall.SIGKILL)
	if err != nil {
		t.Fatal(err)
	}
	s := &server{Process: p}
	t.Cleanup(func() {
		s.Kill()
		if t.Failed() {
			text := s.Log.String()
			t.Logf("the last words of %s:\n%s", s.url, text[max(0, len(text)-2000):])
		}
	})
	s.await(t, func() bool { return listening.MatchString(s.Log.String()) })
	if found := listening.FindStringSubmatch(s.Log.String()); found != nil {
		s.url = "http://" + found[1]
	}
	return s
}

// await waits until something has happened, or the server has ended.
func (s *server) await(t *testing.T, happened func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !happened(); time.Sleep(2 * time.Millisecond) {
		select {
		case <-s.Done:
			return
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("gave up waiting:\n%s", s.Log.String())
		}
	}
}

// answer is what a refresh gave: the status is 0 if nothing came back.
type answer struct {
	status          int
	access, refresh string
	causes          []string
}

var client = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 128}}

// redeem sends a refresh token to a server.
func redeem(url, token string) answer {
	body := strings.NewReader(`{"limit":10,"refresh_token":"` + token + `"}`)
	resp, err := client.Post(url+"/api/v1/refresh", "application/json", body)
	if err != nil {
		return answer{}
	}
	defer resp.Body.Close()
	var fields struct {
		Access  string   `json:"access_token"`
		Refresh string   `json:"refresh_token"`
		Causes  []string `json:"causes"`
	}
	data, err := io.ReadAll(resp.Body)
	if err != nil || json.Unmarshal(data, &fields) != nil {
		return answer{}
	}
	return answer{status: resp.StatusCode, access: fields.Access, refresh: fields.Refresh, causes: fields.Causes}
}

func (a answer) cause() string { return strings.Join(a.causes, "; ") }
