//go:build linux

// Package rotation tests rotation mode from outside: real processes, both engines, lost requests and answers, kills, restores.
package rotation

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"kalsel.dev/refresh/tests/deploy"
	"kalsel.dev/refresh/tests/pgtest"
)

// patience is how long a test waits for what must happen; it decides nothing but when to give up.
const patience = time.Minute

var (
	postgres pgtest.Shared
	program  shared
)

// shared is the program, built once.
type shared struct {
	once sync.Once
	path string
	err  error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if err := postgres.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	if program.path != "" {
		_ = os.RemoveAll(filepath.Dir(program.path))
	}
	os.Exit(code)
}

func (s *shared) build() {
	dir, err := os.MkdirTemp("", "rotation-")
	if err != nil {
		s.err = err
		return
	}
	s.path = filepath.Join(dir, "refreshd")
	if out, err := exec.Command("go", "build", "-o", s.path, "kalsel.dev/refresh/cmd/refreshd").CombinedOutput(); err != nil {
		s.err = fmt.Errorf("build refreshd: %w\n%s", err, out)
	}
}

func binary(t *testing.T) string {
	t.Helper()
	program.once.Do(program.build)
	if program.err != nil {
		t.Fatal(program.err)
	}
	return program.path
}

// eachStore runs the test on a store of each engine that several processes can use.
func eachStore(t *testing.T, test func(t *testing.T, store string)) {
	t.Run("sqlite", func(t *testing.T) { test(t, "sqlite:"+filepath.Join(t.TempDir(), "refresh.db")) })
	t.Run("postgres", func(t *testing.T) { test(t, postgres.Server(t).NewDatabase(t)) })
}

// rounds is few for everyday, and many in a soak.
func rounds(usual, soak int) int {
	if os.Getenv("REFRESH_SOAK") != "" {
		return soak
	}
	return usual
}

// server is a running refreshd.
type server struct {
	url   string
	pid   int
	done  chan struct{}
	state *os.ProcessState // once done is closed
	log   output
}

// output can be read while a process still writes to it.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

var listening = regexp.MustCompile(`msg=listening address=(\S+)`)

// launch runs a server in rotation mode and waits until it listens, or ends. It ends with the test.
func launch(t *testing.T, settings ...string) *server {
	t.Helper()
	s := &server{done: make(chan struct{})}
	cmd := exec.Command(binary(t), append([]string{"--rotation", "--listen=127.0.0.1:0", "--ops-listen="}, settings...)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	if !strings.Contains(strings.Join(settings, " "), "--keys") {
		cmd.Env = append(cmd.Env, "REFRESH_SECRET="+deploy.Secret)
	}
	cmd.Dir, cmd.Stdout, cmd.Stderr = t.TempDir(), &s.log, &s.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.run(cmd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.kill()
		if t.Failed() {
			text := s.log.String()
			t.Logf("the last words of %s:\n%s", s.url, text[max(0, len(text)-2000):])
		}
	})
	s.await(t, func() bool { return listening.MatchString(s.log.String()) })
	if found := listening.FindStringSubmatch(s.log.String()); found != nil {
		s.url = "http://" + found[1]
	}
	return s
}

// run starts the process. The kernel takes the end of the thread that started it for the end of its parent, so one thread stays.
func (s *server) run(cmd *exec.Cmd) error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer close(s.done)
		err := cmd.Start()
		if err == nil {
			s.pid = cmd.Process.Pid
		}
		started <- err
		if err == nil {
			_ = cmd.Wait() // the state tells
			s.state = cmd.ProcessState
		}
	}()
	return <-started
}

// await waits until something has happened, or the server has ended.
func (s *server) await(t *testing.T, happened func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !happened(); time.Sleep(2 * time.Millisecond) {
		select {
		case <-s.done:
			return
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("gave up waiting:\n%s", s.log.String())
		}
	}
}

// kill ends the process at once.
func (s *server) kill() {
	select {
	case <-s.done: // the number may be another's by now
	default:
		_ = syscall.Kill(s.pid, syscall.SIGKILL)
		<-s.done
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
