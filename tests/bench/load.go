//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// answerLimit is how long a client waits for one answer. A slower server ends the run.
const answerLimit = 5 * time.Second

// loop is a way to load a server.
type loop struct {
	lean  bool // it needs the lean client
	drive func(ctx context.Context, workers []*worker, until time.Time) error
}

// driveClosed sends the next request on each connection as soon as its last answer has arrived.
func driveClosed(ctx context.Context, workers []*worker, until time.Time) error {
	return each(ctx, workers, func(ctx context.Context, w *worker) error {
		return w.askUntil(ctx, until)
	})
}

// each lets all workers work until one fails.
func each(
	ctx context.Context, workers []*worker, work func(context.Context, *worker) error,
) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var group sync.WaitGroup
	for _, w := range workers {
		group.Go(func() {
			if err := work(ctx, w); err != nil {
				cancel(err)
			}
		})
	}
	group.Wait()
	return context.Cause(ctx)
}

func (w *worker) askUntil(ctx context.Context, until time.Time) error {
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

// openLoop sends requests at fixed times, each on a free connection. If none
// is free, the request waits and its latency goes on counting. One thread polls all sockets: a
// goroutine for each would cost more than the server, and Go's timers are coarser than a request is
// long.
func openLoop(rate float64) loop {
	every := time.Duration(float64(time.Second) / rate)
	return loop{lean: true, drive: func(
		ctx context.Context, workers []*worker, until time.Time,
	) error {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0); err != nil {
			return fmt.Errorf("set timer slack: %w", err)
		}
		// A server that this thread starts later must have the default again.
		defer func() { _ = unix.Prctl(unix.PR_SET_TIMERSLACK, 0, 0, 0, 0) }()
		p := pacer{workers: workers, asked: make([]time.Time, len(workers)), due: time.Now()}
		for at, w := range workers {
			raw, err := w.Conn.(syscall.Conn).SyscallConn()
			if err != nil {
				return err
			}
			var socket uintptr
			if err := raw.Control(func(fd uintptr) { socket = fd }); err != nil {
				return err
			}
			p.free = append(p.free, at)
			p.polled = append(p.polled, unix.PollFd{Fd: ^int32(socket), Events: unix.POLLIN})
		}
		return p.drive(ctx, every, until)
	}}
}

// pacer is the state of an open loop.
type pacer struct {
	workers []*worker
	free    []int         // workers without a request
	asked   []time.Time   // by worker: when its request was due
	polled  []unix.PollFd // by worker: its socket, inverted while it has no request
	due     time.Time     // of the next request
	freed   time.Time     // when a connection last became free after none was
}

// drive sends the requests that are due until the time is over, and collects every answer.
func (p *pacer) drive(ctx context.Context, every time.Duration, until time.Time) error {
	for ctx.Err() == nil {
		for len(p.free) > 0 && p.due.Before(until) && !time.Now().Before(p.due) {
			if err := p.send(); err != nil {
				return err
			}
			p.due = p.due.Add(every)
		}
		wait := answerLimit
		switch {
		case p.due.Before(until) && len(p.free) > 0:
			wait = max(0, time.Until(p.due))
		case len(p.free) == len(p.workers):
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
	could := p.due
	if p.freed.After(could) {
		could = p.freed
	}
	w := p.workers[at]
	w.late = append(w.late, time.Since(could))
	p.asked[at] = p.due
	p.polled[at].Fd = ^p.polled[at].Fd
	return w.send(w.talk.next())
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
		got, err := w.receive()
		if err != nil {
			return err
		}
		now := time.Now()
		w.took = append(w.took, now.Sub(p.asked[at]))
		if len(p.free) == 0 {
			p.freed = now
		}
		p.free, p.polled[at].Fd = append(p.free, at), ^p.polled[at].Fd
		if err := w.talk.accept(got); err != nil {
			return err
		}
	}
	return nil
}
