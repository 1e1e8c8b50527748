//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// openLoop asks at fixed times, rate requests a second, each on a connection that is free; when none is, the request waits and
// its latency goes on counting. One thread does it all, because at a fixed rate a thread or a goroutine for each connection
// would cost more than the server, and because Go's timers are coarser than a request is long.
func openLoop(rate float64) loop {
	every := time.Duration(float64(time.Second) / rate)
	dial := func(address string) (*worker, error) {
		conn, err := dialBlocking(address, answerLimit)
		if err != nil {
			return nil, err
		}
		return &worker{conn: conn, client: newClient(conn)}, nil
	}
	drive := func(ctx context.Context, workers []*worker, until time.Time) error {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0); err != nil {
			return fmt.Errorf("set timer slack: %w", err)
		}
		// Back to the default, which a server that this thread starts next inherits.
		defer func() { _ = unix.Prctl(unix.PR_SET_TIMERSLACK, 0, 0, 0, 0) }()
		return newPacer(workers, every).drive(ctx, until)
	}
	return loop{dial: dial, drive: drive}
}

// pacer holds the state of an open loop.
type pacer struct {
	workers []*worker
	free    []int         // indices of workers without a request
	asked   []time.Time   // by worker: when its request was due
	polled  []unix.PollFd // by worker: its socket while it has a request, else -1
	due     time.Time     // of the next request
	every   time.Duration
	freed   time.Time // when a connection last became free after none was
}

func newPacer(workers []*worker, every time.Duration) *pacer {
	p := &pacer{workers: workers, every: every, due: time.Now(), asked: make([]time.Time, len(workers))}
	for i := range workers {
		p.free = append(p.free, i)
		p.polled = append(p.polled, unix.PollFd{Fd: -1, Events: unix.POLLIN})
	}
	return p
}

// drive sends what is due until the time is over and collects every answer, late ones included.
func (p *pacer) drive(ctx context.Context, until time.Time) error {
	for ctx.Err() == nil {
		if err := p.send(until); err != nil {
			return err
		}
		if !p.due.Before(until) && len(p.free) == len(p.workers) {
			return nil
		}
		if err := p.collect(p.wait(until)); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// send asks everything that is due, as long as there are free connections.
func (p *pacer) send(until time.Time) error {
	for len(p.free) > 0 && p.due.Before(until) {
		now := time.Now()
		if now.Before(p.due) {
			return nil
		}
		at := p.free[len(p.free)-1]
		p.free = p.free[:len(p.free)-1]
		w := p.workers[at]
		if err := w.client.send(w.talk.next()); err != nil {
			return err
		}
		could := p.due
		if p.freed.After(could) {
			could = p.freed
		}
		w.late = append(w.late, now.Sub(could))
		p.asked[at] = p.due
		p.polled[at].Fd = int32(w.conn.(socket)) //nolint:gosec // file descriptors are small
		p.due = p.due.Add(p.every)
	}
	return nil
}

// wait is how long there is nothing to send.
func (p *pacer) wait(until time.Time) time.Duration {
	if len(p.free) == 0 || !p.due.Before(until) {
		return answerLimit
	}
	return max(0, time.Until(p.due))
}

// collect waits for answers and takes those that are there.
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
		if err := p.take(at); err != nil {
			return err
		}
	}
	return nil
}

func (p *pacer) take(at int) error {
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
	p.free = append(p.free, at)
	p.polled[at] = unix.PollFd{Fd: -1, Events: unix.POLLIN}
	return w.talk.accept(got)
}
