// Command refreshd is the refresh-token server and its command line. "refreshd --help" lists its
// commands and settings.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"kalsel.dev/refresh/impl/edge"
	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/service"
)

func main() {
	os.Exit(run(untilSignal(), os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr))
}

// untilSignal returns a context that the first SIGINT or SIGTERM cancels, SIGTERM with the cause
// edge.ErrTerminated. The second signal ends the process at once.
func untilSignal() context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 2) // room for both, so that neither is lost
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		if first := <-signals; first == syscall.SIGTERM {
			cancel(edge.ErrTerminated)
		} else {
			cancel(nil)
		}
		<-signals
		os.Exit(1)
	}()
	return ctx
}

// program holds the parts of the outside world that a command may use.
type program struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	now            func() time.Time
	clock          revocation.Clock
	arguments      []string // the flags that were given as arguments, not as variables
}

// run parses args and the environment and runs the command, until it has finished or ctx ends. It
// returns the exit status: 0 for success, 1 for failure, 2 for a mistake in the arguments or the
// settings.
func run(
	ctx context.Context, args, environ []string,
	stdin io.Reader, stdout, stderr io.Writer,
) int {
	p := &program{
		stdin:  stdin,
		stdout: stdout,
		stderr: &lineWriter{w: stderr},
		now:    time.Now,
		clock:  revocation.SystemClock(),
	}
	return exitStatus(execute(ctx, p, args, environ), stderr)
}

// lineWriter lets the log and the audit stream share one output: lines do not mix.
type lineWriter struct {
	mu sync.Mutex
	w  io.Writer
}

// Write implements io.Writer.
func (l *lineWriter) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(line)
}

// usageError is a mistake in the arguments, in one line.
type usageError string

func (e usageError) Error() string { return string(e) }

// errReported makes the exit status 1 for a command that has already printed the reason.
var errReported = errors.New("reported already")

func exitStatus(err error, stderr io.Writer) int {
	if err == nil {
		return 0
	}
	if errors.Is(err, errReported) {
		return 1
	}
	fmt.Fprintln(stderr, "refreshd:", strings.ReplaceAll(err.Error(), "\n", " "))
	_, usage := errors.AsType[usageError](err)
	_, setting := errors.AsType[service.SettingError](err)
	if usage || setting {
		return 2
	}
	return 1
}
