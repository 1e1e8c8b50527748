//go:build linux

package chaos

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/store"
)

// machine is a computer with a clock of its own and a way to the store, that can be suspended and
// cut off.
type machine struct {
	revocation.Clock
	*store.Store

	mu         sync.Mutex
	mono, wall time.Duration // added to the real ones
	asleep     chan struct{} // nil, or closed when the machine wakes
	cutOff     chan struct{} // nil, or closed when the store is within reach again
}

func newMachine(db *store.Store) *machine {
	return &machine{Clock: revocation.SystemClock(), Store: db}
}

// Now waits while the machine is asleep, as everybody on it does.
func (m *machine) Now() revocation.Instant {
	for {
		m.mu.Lock()
		asleep := m.asleep
		if asleep == nil {
			break
		}
		m.mu.Unlock()
		<-asleep
	}
	defer m.mu.Unlock()
	now := m.Clock.Now()
	return revocation.Instant{Mono: now.Mono + m.mono, Wall: now.Wall + int64(m.wall)}
}

func (m *machine) time() time.Time { return time.Unix(0, m.Now().Wall) }

// set moves the wall clock, as an operator or a time server does.
func (m *machine) set(by time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.wall += by
}

// suspend lets the machine sleep: its monotonic clock stands still.
func (m *machine) suspend(d time.Duration) {
	wakes := make(chan struct{})
	m.mu.Lock()
	m.asleep = wakes
	m.mu.Unlock()
	time.Sleep(d)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mono -= d
	m.asleep = nil
	close(wakes)
}

// isolate makes the store unreachable and sets the clock back meanwhile.
func (m *machine) isolate(d time.Duration) {
	back := make(chan struct{})
	m.mu.Lock()
	m.cutOff = back
	m.mu.Unlock()
	time.Sleep(d / 2)
	m.set(-d / 2)
	time.Sleep(d / 2)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.wall += d / 2
	m.cutOff = nil
	close(back)
}

// weather suspends the machine again and again until over is set, or cuts it off while its clock
// jumps. It never does both: a machine cannot notice that its clock was set back by exactly the time
// that it was suspended.
func (m *machine) weather(over *atomic.Bool, suspends bool) {
	for !over.Load() {
		time.Sleep(rand.N(2 * time.Second))
		if suspends {
			m.suspend(5*time.Second - rand.N(2*time.Second))
		} else {
			m.isolate(8*time.Second - rand.N(4*time.Second))
		}
	}
}

// pass waits until the machine runs and has the store within reach.
func (m *machine) pass() {
	for {
		m.mu.Lock()
		wait := m.asleep
		if wait == nil {
			wait = m.cutOff
		}
		m.mu.Unlock()
		if wait == nil {
			return
		}
		<-wait
	}
}

// reach is a call of the store: the request has to go out, and the answer to come in.
func reach[T any](m *machine, call func() (T, error)) (T, error) {
	m.pass()
	defer m.pass()
	return call()
}

// feed reads the feed as a server does: each change reaches the machine before it is applied, and
// the read's own writes, such as an acknowledgement, come after that.
func (m *machine) feed(
	apply func(revocation.Change), read func(func(revocation.Change)) (revocation.Page, error),
) (revocation.Page, error) {
	m.pass()
	defer m.pass()
	return read(func(c revocation.Change) {
		m.pass()
		apply(c)
	})
}

func (m *machine) Load(
	ctx context.Context, after int64, limit int, apply func(revocation.Change),
) (revocation.Page, error) {
	return m.feed(apply, func(apply func(revocation.Change)) (revocation.Page, error) {
		return m.Store.Load(ctx, after, limit, apply)
	})
}

func (m *machine) Follow(
	ctx context.Context,
	l revocation.Lease,
	next, after int64,
	limit int,
	apply func(revocation.Change),
) (revocation.Page, error) {
	return m.feed(apply, func(apply func(revocation.Change)) (revocation.Page, error) {
		return m.Store.Follow(ctx, l, next, after, limit, apply)
	})
}

func (m *machine) Lookup(
	ctx context.Context,
	id revocation.SessionID,
	identity string,
) (revocation.State, error) {
	return reach(m, func() (revocation.State, error) { return m.Store.Lookup(ctx, id, identity) })
}

func (m *machine) Join(ctx context.Context, l revocation.Lease) error {
	_, err := reach(m, func() (bool, error) { return true, m.Store.Join(ctx, l) })
	return err
}

func (m *machine) Renew(ctx context.Context, l revocation.Lease, since int64) (bool, error) {
	return reach(m, func() (bool, error) { return m.Store.Renew(ctx, l, since) })
}

func (m *machine) Revoke(
	ctx context.Context,
	r revocation.Revocation,
) (revocation.Revocation, error) {
	return reach(m, func() (revocation.Revocation, error) { return m.Store.Revoke(ctx, r) })
}

func (m *machine) Leases(ctx context.Context, r revocation.Revocation) ([]revocation.Lease, error) {
	return reach(m, func() ([]revocation.Lease, error) { return m.Store.Leases(ctx, r) })
}

func (m *machine) PeekLeases(ctx context.Context) ([]revocation.Lease, error) {
	return reach(m, func() ([]revocation.Lease, error) { return m.Store.PeekLeases(ctx) })
}
