package process

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// Process is a program that was started.
type Process struct {
	PID   int
	Done  chan struct{}    // closed when it has ended
	State *os.ProcessState // once Done is closed
	Log   Output           // what it wrote, to standard output and standard error
}

// Start starts the program. Where the system can, it sends it the signal death when the tests end without ending it.
func Start(cmd *exec.Cmd, death syscall.Signal) (*Process, error) {
	p := &Process{Done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &p.Log, &p.Log
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	dieWithUs(cmd.SysProcAttr, death)
	started := make(chan error)
	go func() {
		// The kernel takes the end of the thread that started a process for the end of its parent, so one thread stays.
		runtime.LockOSThread()
		defer close(p.Done)
		err := cmd.Start()
		if err == nil {
			p.PID = cmd.Process.Pid
		}
		started <- err
		if err == nil {
			_ = cmd.Wait() // the state tells
			p.State = cmd.ProcessState
		}
	}()
	return p, <-started
}

// Send sends a signal to the process unless it has ended.
func (p *Process) Send(signal syscall.Signal) {
	select {
	case <-p.Done: // the number may be another's by now
	default:
		_ = syscall.Kill(p.PID, signal) // one that ends at this moment needs none
	}
}

// Kill ends the process at once.
func (p *Process) Kill() {
	p.Send(syscall.SIGKILL)
	<-p.Done
}
