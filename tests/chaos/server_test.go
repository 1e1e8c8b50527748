//go:build linux

package chaos

import (
	"bytes"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"kalsel.dev/refresh/tests/deploy"
)

// patience is how long a test waits for what must happen; it decides nothing but when to give up.
const patience = time.Minute

// server is a running refreshd.
type server struct {
	url, ops string
	pid      int
	done     chan struct{}
	state    *os.ProcessState // once done is closed
	log      output
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
	s := &server{done: make(chan struct{})}
	cmd := exec.Command(binary(t), "--listen=127.0.0.1:0", "--ops-listen=127.0.0.1:0", "--store="+store)
	cmd.Env = []string{"REFRESH_SECRET=" + deploy.Secret}
	cmd.Dir, cmd.Stdout, cmd.Stderr = t.TempDir(), &s.log, &s.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.run(cmd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.kill()
		if t.Failed() {
			t.Logf("the last words of %s:\n%s", s.url, tail(s.log.String()))
		}
	})
	await(t, "a server that listens", s, func() bool { return listening.MatchString(s.log.String()) })
	found := listening.FindStringSubmatch(s.log.String())
	s.url, s.ops = "http://"+found[1], "http://"+found[2]
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

// tail is the end of a log.
func tail(text string) string { return text[max(0, len(text)-3000):] }

func await(t *testing.T, what string, s *server, happened func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !happened(); time.Sleep(2 * time.Millisecond) {
		select {
		case <-s.done:
			t.Fatalf("waiting for %s: the server ended: %v\n%s", what, s.state, tail(s.log.String()))
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("waiting for %s: gave up\n%s", what, tail(s.log.String()))
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

func (s *server) send(signal syscall.Signal) { _ = syscall.Kill(s.pid, signal) } // one that has ended needs none

// pause stops the process where it is; resume lets it go on.
func (s *server) pause()  { s.send(syscall.SIGSTOP) }
func (s *server) resume() { s.send(syscall.SIGCONT) }

// kill ends the process at once.
func (s *server) kill() {
	select {
	case <-s.done: // the number may be another's by now
	default:
		s.send(syscall.SIGKILL)
		<-s.done
	}
}
