//go:build linux

package ha

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"kalsel.dev/refresh/tests/server"
)

// successes is when something succeeded.
type successes struct {
	mu    sync.Mutex
	times []time.Time
}

func (s *successes) add() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.times = append(s.times, time.Now())
}

// longest returns the longest time without a success since a moment, up to the last success.
func (s *successes) longest(since time.Time) (from, to time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := since
	from, to = since, since
	for _, at := range s.times {
		if at.Before(since) {
			continue
		}
		if at.Sub(last) > to.Sub(from) {
			from, to = last, at
		}
		last = at
	}
	return from, to
}

func (s *successes) gap(since time.Time) time.Duration {
	from, to := s.longest(since)
	return to.Sub(from)
}

func (s *successes) endOfGap(since time.Time) time.Time {
	_, to := s.longest(since)
	return to
}

func (s *successes) count(since time.Time) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, at := range s.times {
		if at.After(since) {
			n++
		}
	}
	return n
}

// awaitGap waits until there was a gap of more than half a second since a moment, and successes
// after it.
func (s *successes) awaitGap(t *testing.T, since time.Time) {
	t.Helper()
	for deadline := time.Now().Add(3 * server.Patience); ; time.Sleep(10 * time.Millisecond) {
		if from, to := s.longest(since); to.Sub(from) > time.Second/2 && s.count(to) >= 10 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("no server accepts writes again")
		}
	}
}

// watchWrites commits small changes at each member, and notes when one of them is acknowledged: a
// member acknowledges if it is the leader and has a synchronous standby.
func watchWrites(t *testing.T, cluster *server.Patroni) *successes {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), cluster.URL("refresh"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err = conn.Exec(t.Context(), "CREATE TABLE probe AS SELECT 0 AS n"); err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	var s successes
	ctx, cancel := context.WithCancel(context.Background())
	var tasks sync.WaitGroup
	for _, m := range cluster.Members {
		tasks.Go(func() {
			for ctx.Err() == nil {
				write(ctx, m, &s)
			}
		})
	}
	t.Cleanup(func() {
		cancel()
		tasks.Wait()
	})
	return &s
}

// write commits changes over one connection until one fails. A standby refuses them until it is
// promoted.
func write(ctx context.Context, m *server.Member, s *successes) {
	const often = 20 * time.Millisecond
	defer time.Sleep(often)
	limited, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	conn, err := pgx.Connect(limited, m.Own("refresh")+"&log_min_messages=fatal")
	if err != nil {
		return
	}
	defer conn.Close(limited)
	for ctx.Err() == nil {
		limited, cancel := context.WithTimeout(ctx, 2*time.Second)
		_, err := conn.Exec(limited, "UPDATE probe SET n = n + 1")
		cancel()
		refused, ok := errors.AsType[*pgconn.PgError](err)
		if readOnly := ok && refused.Code == "25006"; err != nil && !readOnly {
			return
		}
		if err == nil {
			s.add()
		}
		time.Sleep(often)
	}
}
