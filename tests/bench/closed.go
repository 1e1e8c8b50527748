//go:build linux

package main

import (
	"context"
	"net"
	"sync"
	"time"
)

// loop is a way to load a server: how to connect, and how to drive all connections until a time.
type loop struct {
	dial  func(address string) (*worker, error)
	drive func(ctx context.Context, workers []*worker, until time.Time) error
}

// closedLoop asks again on each connection as soon as its last answer is there. Go's own connections serve all of them
// in turn; with one blocking thread for each, few would get most of the processor and the others would starve.
func closedLoop(lean bool) loop {
	if lean {
		return loop{dial: dialLean, drive: driveClosed}
	}
	return loop{dial: dialStandard, drive: driveClosed}
}

func dialLean(address string) (*worker, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	c := newClient(conn)
	return &worker{conn: conn, ask: c.ask}, nil
}

func dialStandard(address string) (*worker, error) {
	s := newStandard(address)
	return &worker{conn: s, ask: s.ask}, nil
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
	if conn, ok := w.conn.(net.Conn); ok {
		if err := conn.SetDeadline(until.Add(answerLimit)); err != nil {
			return err
		}
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
