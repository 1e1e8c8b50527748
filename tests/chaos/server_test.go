//go:build linux

package chaos

import (
	"os/exec"
	"regexp"
	"syscall"
	"testing"
	"time"

	"kalsel.dev/refresh/tests/deploy"
	"kalsel.dev/refresh/tests/process"
)

// patience is how long a test waits for what must happen; it decides nothing but when to give up.
const patience = time.Minute

// server is a running refreshd.
type server struct {
	*process.Process
	url, ops string
}

var listening = regexp.MustCompile(`msg=listening address=(\S+) operations=(\S+)`)

// start runs a server on a store and waits until it is ready. It ends with the test.
func start(t *testing.T, store string) *server {
	t.Helper()
	s := launch(t, store)
	await(t, "a server that is ready", s, func() bool { return s.ready().status == 200 })
	return s
}

// launch runs a server and waits until it listens.
func launch(t *testing.T, store string) *server {
	t.Helper()
	cmd := exec.Command(program.Path(t), "--listen=127.0.0.1:0", "--ops-listen=127.0.0.1:0", "--store="+store)
	cmd.Env = []string{"REFRESH_SECRET=" + deploy.Secret}
	cmd.Dir = t.TempDir()
	p, err := process.Start(cmd, syscall.SIGKILL)
	if err != nil {
		t.Fatal(err)
	}
	s := &server{Process: p}
	t.Cleanup(func() {
		s.Kill()
		if t.Failed() {
			t.Logf("the last words of %s:\n%s", s.url, tail(s.Log.String()))
		}
	})
	await(t, "a server that listens", s, func() bool { return listening.MatchString(s.Log.String()) })
	found := listening.FindStringSubmatch(s.Log.String())
	s.url, s.ops = "http://"+found[1], "http://"+found[2]
	return s
}

// tail is the end of a log.
func tail(text string) string { return text[max(0, len(text)-3000):] }

func await(t *testing.T, what string, s *server, happened func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !happened(); time.Sleep(2 * time.Millisecond) {
		select {
		case <-s.Done:
			t.Fatalf("waiting for %s: the server ended: %v\n%s", what, s.State, tail(s.Log.String()))
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("waiting for %s: gave up\n%s", what, tail(s.Log.String()))
		}
	}
}

// startAll runs several servers on one store.
func startAll(t *testing.T, store string, n int) []*server {
	t.Helper()
	var all []*server
	for range n {
		all = append(all, start(t, store))
	}
	return all
}

// pause stops the process where it is; resume lets it go on.
func (s *server) pause()  { s.Send(syscall.SIGSTOP) }
func (s *server) resume() { s.Send(syscall.SIGCONT) }
