//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// answerLimit is how long a client waits for one answer. A slower server ends the run.
const answerLimit = 5 * time.Second

// worker is one connection and the times that were measured on it.
type worker struct {
	ask      func(body []byte) (answer, error) // in the closed loop
	deadline func(time.Time) error
	close    func() error
	client   *leanClient // in the open loop, which sends and receives by itself
	fd       int32       // its file descriptor
	talk     *dialogue
	took     []time.Duration // of each request
	late     []time.Duration
}

// loop is a way to load a server: how to connect, and how to drive all connections until a time.
type loop struct {
	dial  func(address string) (*worker, error)
	drive func(ctx context.Context, workers []*worker, until time.Time) error
}

// closedLoop sends the next request on each connection as soon as its last answer has arrived.
func closedLoop(lean bool) loop {
	if lean {
		return loop{dialLean, driveClosed}
	}
	return loop{dialStandard, driveClosed}
}

func driveClosed(ctx context.Context, workers []*worker, until time.Time) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var group sync.WaitGroup
	for _, w := range workers {
		group.Go(func() {
			if err := w.askUntil(ctx, until); err != nil {
				cancel(err)
			}
		})
	}
	group.Wait()
	return context.Cause(ctx)
}

func (w *worker) askUntil(ctx context.Context, until time.Time) error {
	if err := w.deadline(until.Add(answerLimit)); err != nil {
		return err
	}
	for asked := time.Now(); asked.Before(until) && ctx.Err() == nil; {
		got, err := w.ask(w.talk.next())
		if err != nil {
			return err
		}
		answered := time.Now()
		if err := w.talk.accept(got); err != nil {
			return err
		}
		w.took = append(w.took, answered.Sub(asked))
		asked = answered
	}
	return nil
}

// openLoop sends requests at fixed times, each on a free connection. If none is free, the request
// waits and its latency goes on counting. One thread polls all sockets: a goroutine for each would
// cost more than the server, and Go's timers are coarser than a request is long.
func openLoop(rate float64) loop {
	every := time.Duration(float64(time.Second) / rate)
	drive := func(ctx context.Context, workers []*worker, until time.Time) error {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0); err != nil {
			return fmt.Errorf("set timer slack: %w", err)
		}
		// A server that this thread starts later must have the default again.
		defer func() { _ = unix.Prctl(unix.PR_SET_TIMERSLACK, 0, 0, 0, 0) }()
		return newPacer(workers, every).drive(ctx, until)
	}
	return loop{dialPolled, drive}
}

// pacer is the state of an open loop.
type pacer struct {
	workers []*worker
	free    []int         // workers without a request
	asked   []time.Time   // by worker: when its request was due
	polled  []unix.PollFd // by worker: its socket while it has a request, else -1
	due     time.Time     // of the next request
	every   time.Duration
	freed   time.Time // when a connection last became free after none was
}

func newPacer(workers []*worker, every time.Duration) *pacer {
	p := &pacer{workers: workers, every: every, due: time.Now()}
	p.asked = make([]time.Time, len(workers))
	for i := range workers {
		p.free = append(p.free, i)
		p.polled = append(p.polled, unix.PollFd{Fd: -1, Events: unix.POLLIN})
	}
	return p
}

// drive sends the requests that are due until the time is over, and collects every answer.
func (p *pacer) drive(ctx context.Context, until time.Time) error {
	for _, w := range p.workers {
		if err := w.deadline(until.Add(answerLimit)); err != nil {
			return err
		}
	}
	for ctx.Err() == nil {
		for len(p.free) > 0 && p.due.Before(until) && !time.Now().Before(p.due) {
			if err := p.send(); err != nil {
				return err
			}
		}
		wait := answerLimit
		switch {
		case p.due.Before(until) && len(p.free) > 0:
			wait = max(0, time.Until(p.due))
		case !p.due.Before(until) && len(p.free) == len(p.workers):
			return nil
		}
		if err := p.collect(wait); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

func (p *pacer) send() error {
	at := p.free[len(p.free)-1]
	p.free = p.free[:len(p.free)-1]
	w := p.workers[at]
	could := p.due
	if p.freed.After(could) {
		could = p.freed
	}
	w.late = append(w.late, time.Since(could))
	p.asked[at] = p.due
	p.polled[at].Fd = w.fd
	p.due = p.due.Add(p.every)
	return w.client.send(w.talk.next())
}

// collect waits for answers and reads those that have arrived.
func (p *pacer) collect(wait time.Duration) error {
	limit := unix.NsecToTimespec(wait.Nanoseconds())
	ready, err := unix.Ppoll(p.polled, &limit, nil)
	if err != nil && !errors.Is(err, unix.EINTR) {
		return fmt.Errorf("poll: %w", err)
	}
	if err == nil && ready == 0 && wait >= answerLimit {
		return fmt.Errorf("no answer within %s", answerLimit)
	}
	for at := 0; at < len(p.polled) && ready > 0; at++ {
		if p.polled[at].Fd < 0 || p.polled[at].Revents == 0 {
			continue
		}
		ready--
		w := p.workers[at]
		got, err := w.client.receive()
		if err != nil {
			return err
		}
		now := time.Now()
		w.took = append(w.took, now.Sub(p.asked[at]))
		if len(p.free) == 0 {
			p.freed = now
		}
		p.free, p.polled[at].Fd = append(p.free, at), -1
		if err := w.talk.accept(got); err != nil {
			return err
		}
	}
	return nil
}

// dialPolled returns a connection that the open loop polls by its file descriptor.
func dialPolled(address string) (*worker, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	w := &worker{client: newLeanClient(conn), close: conn.Close, deadline: conn.SetDeadline}
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		return nil, err
	}
	err = raw.Control(func(fd uintptr) { w.fd = int32(fd) }) //nolint:gosec // descriptors are small
	return w, err
}
