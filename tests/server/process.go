// Package server starts programs, databases and in-process handlers for tests. Every process ends
// with its test, and also when the test itself is killed.
package server

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Patience is how long a test waits for an event before it fails. No test passes because of it.
const Patience = time.Minute

// Process is a program that was started: refreshd, PostgreSQL, or any other program that runs from
// a configuration file and listens on a port, such as a proxy.
type Process struct {
	PID   int
	Done  chan struct{}    // closed when the process has ended
	State *os.ProcessState // set once Done is closed
	Log   Log              // standard output and standard error
}

// Launch starts a program. If the tests end first, the kernel sends it the signal death, where the
// system can do that. Output goes to Log unless cmd says otherwise.
func Launch(cmd *exec.Cmd, death syscall.Signal) (*Process, error) {
	p := &Process{Done: make(chan struct{})}
	if cmd.Stdout == nil {
		cmd.Stdout = &p.Log
	}
	if cmd.Stderr == nil {
		cmd.Stderr = &p.Log
	}
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	endWithParent(cmd.SysProcAttr, death)
	started := make(chan error)
	go func() {
		// Linux sends the signal when the starting thread ends, so this thread stays locked.
		runtime.LockOSThread()
		defer close(p.Done)
		err := cmd.Start()
		if err == nil {
			p.PID = cmd.Process.Pid
		}
		started <- err
		if err == nil {
			_ = cmd.Wait() // State holds the result
			p.State = cmd.ProcessState
		}
	}()
	return p, <-started
}

// Run starts a program for a test, which kills it at the end. If the test fails, it shows the end
// of the log.
func Run(tb testing.TB, cmd *exec.Cmd) *Process {
	tb.Helper()
	p, err := Launch(cmd, syscall.SIGKILL)
	if err != nil {
		tb.Fatalf("start %s: %v", cmd.Path, err)
	}
	tb.Cleanup(func() {
		p.Kill()
		if tb.Failed() {
			tb.Logf("the log of %s ends with:\n%s", cmd.Path, p.Log.Tail())
		}
	})
	return p
}

// Send sends a signal to the process unless it has ended.
func (p *Process) Send(signal syscall.Signal) {
	select {
	case <-p.Done: // another process may have the number by now
	default:
		_ = syscall.Kill(p.PID, signal) // the process may end at this very moment
	}
}

// Ended reports whether the process has ended.
func (p *Process) Ended() bool {
	select {
	case <-p.Done:
		return true
	default:
		return false
	}
}

// Kill ends the process with SIGKILL and waits for its end.
func (p *Process) Kill() {
	p.Send(syscall.SIGKILL)
	<-p.Done
}

// Stop ends the process with SIGTERM, or with SIGKILL if that takes more than 30 seconds. It
// returns an error unless the process ended by itself with status 0.
func (p *Process) Stop() error {
	p.Send(syscall.SIGTERM)
	select {
	case <-p.Done:
	case <-time.After(30 * time.Second):
		p.Kill()
		return errors.New("the process did not end within 30 s after SIGTERM")
	}
	if !p.State.Success() {
		return fmt.Errorf("the process ended with %v after SIGTERM", p.State)
	}
	return nil
}

// Freeze stops the process and its children without ending them, as a frozen machine does.
func (p *Process) Freeze() { p.signalTree(syscall.SIGSTOP) }

// Thaw lets a frozen process continue.
func (p *Process) Thaw() { p.signalTree(syscall.SIGCONT) }

func (p *Process) signalTree(signal syscall.Signal) {
	p.Send(signal)
	for _, child := range children(p.PID) {
		_ = syscall.Kill(child, signal)
	}
}

// children returns the children of a process; none where the system has no /proc.
func children(pid int) []int {
	path := fmt.Sprintf("/proc/%d/task/%d/children", pid, pid)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	var all []int
	for field := range strings.FieldsSeq(string(text)) {
		if child, err := strconv.Atoi(field); err == nil {
			all = append(all, child)
		}
	}
	return all
}

// Await waits until the event has happened. The test fails if the process ends before, or if the
// event does not happen within Patience.
func (p *Process) Await(tb testing.TB, event string, happened func() bool) {
	tb.Helper()
	for deadline := time.Now().Add(Patience); !happened(); time.Sleep(2 * time.Millisecond) {
		if p.Ended() {
			tb.Fatalf("waiting for %s: the process ended: %v\n%s", event, p.State, p.Log.Tail())
		}
		if time.Now().After(deadline) {
			tb.Fatalf(
				"waiting for %s: it did not happen within %v\n%s",
				event,
				Patience,
				p.Log.Tail(),
			)
		}
	}
}

// AwaitPort waits until a connection to the address succeeds.
func (p *Process) AwaitPort(tb testing.TB, address string) {
	tb.Helper()
	p.Await(tb, "a connection to "+address, func() bool {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err != nil {
			return false
		}
		return conn.Close() == nil
	})
}

// FreeAddress returns a loopback address that nothing listens on.
func FreeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}
