package revocation_test

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/store"
)

// machine is one process on one machine: its clock can be suspended and set, and its store be away
// or hang.
type machine struct {
	store    atomic.Pointer[store.Store]
	log      journal
	clock    clock
	away     atomic.Bool
	replaced atomic.Bool // the store is another one
	forked   atomic.Bool // the store is read, and no commit of it is confirmed
	halted   atomic.Pointer[chan struct{}]

	mu    sync.Mutex
	calls []string
}

// clock is the bubble's clock, moved.
type clock struct {
	revocation.Clock
	owner      *machine
	mono, wall atomic.Int64 // moved by this much
}

func (c *clock) Now() revocation.Instant {
	c.owner.note("Now")
	i := c.Clock.Now()
	return revocation.Instant{Mono: i.Mono + time.Duration(c.mono.Load()), Wall: i.Wall + c.wall.Load()}
}

func newMachine(s *store.Store) *machine {
	m := &machine{}
	m.store.Store(s)
	m.clock.Clock, m.clock.owner = revocation.SystemClock(), m
	return m
}

func (m *machine) logger() *slog.Logger { return slog.New(slog.NewTextHandler(&m.log, nil)) }

func (m *machine) node() *revocation.Node {
	return revocation.NewNode(m, &m.clock, m.logger())
}

func (m *machine) revoker(n *revocation.Node) *revocation.Revoker {
	return revocation.NewRevoker(m, &m.clock, m.logger(), n)
}

// run runs the node until the test ends or stop is called, which waits for its end.
func run(t *testing.T, n *revocation.Node) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		n.Run(ctx)
	}()
	stop = func() {
		cancel()
		<-done
	}
	t.Cleanup(stop)
	return stop
}

// awaitLease returns when the node answers from memory.
func awaitLease(n *revocation.Node) {
	for !n.Status().HasLease {
		time.Sleep(time.Millisecond)
	}
}

// halt makes the machine's calls of the store hang until the function it returns is called: the
// process was stopped there.
func (m *machine) halt() (resume func()) {
	ch := make(chan struct{})
	m.halted.Store(&ch)
	return func() {
		m.halted.Store(nil)
		close(ch)
	}
}

func (m *machine) note(call string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls = append(m.calls, call)
}

// taken returns the calls since it was called last.
func (m *machine) taken() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	defer func() { m.calls = nil }()
	return slices.Clone(m.calls)
}

func (m *machine) before(call string) error {
	m.note(call)
	if ch := m.halted.Load(); ch != nil {
		<-*ch
	}
	if m.away.Load() {
		return revocation.ErrUnavailable
	}
	return nil
}

func (m *machine) Load(
	ctx context.Context, after int64, limit int, apply func(revocation.Change),
) (revocation.Page, error) {
	if err := m.before("Load"); err != nil {
		return revocation.Page{}, err
	}
	return m.store.Load().Load(ctx, after, limit, apply)
}

// confirmed returns the error of a commit.
func (m *machine) confirmed(err error) error {
	if m.forked.Load() {
		return revocation.ErrUnavailable
	}
	return err
}

func (m *machine) Follow(
	ctx context.Context, l revocation.Lease, next, after int64, limit int, apply func(revocation.Change),
) (revocation.Page, error) {
	if err := m.before("Follow"); err != nil {
		return revocation.Page{}, err
	}
	page, err := m.store.Load().Follow(ctx, l, next, after, limit, apply)
	return page, m.confirmed(err)
}

func (m *machine) Lookup(ctx context.Context, id revocation.SessionID, identity string) (revocation.State, error) {
	if err := m.before("Lookup"); err != nil {
		return revocation.State{}, err
	}
	return m.store.Load().Lookup(ctx, id, identity)
}

func (m *machine) Join(ctx context.Context, l revocation.Lease) error {
	if err := m.before("Join"); err != nil {
		return err
	}
	return m.store.Load().Join(ctx, l)
}

func (m *machine) Renew(ctx context.Context, l revocation.Lease, since int64) (bool, error) {
	if err := m.before("Renew"); err != nil {
		return false, err
	}
	kept, err := m.store.Load().Renew(ctx, l, since)
	return kept, m.confirmed(err)
}

func (m *machine) Leave(ctx context.Context, node string) error {
	if err := m.before("Leave"); err != nil {
		return err
	}
	return m.store.Load().Leave(ctx, node)
}

func (m *machine) Revoke(ctx context.Context, r revocation.Revocation) (revocation.Revocation, error) {
	if err := m.before("Revoke"); err != nil {
		return revocation.Revocation{}, err
	}
	return m.store.Load().Revoke(ctx, r)
}

func (m *machine) Leases(ctx context.Context, r revocation.Revocation) ([]revocation.Lease, error) {
	if err := m.before("Leases"); err != nil {
		return nil, err
	}
	return m.store.Load().Leases(ctx, r)
}

func (m *machine) PeekLeases(ctx context.Context) ([]revocation.Lease, error) {
	if err := m.before("PeekLeases"); err != nil {
		return nil, err
	}
	return m.store.Load().PeekLeases(ctx)
}

func (m *machine) DropLease(ctx context.Context, l revocation.Lease) error {
	if err := m.before("DropLease"); err != nil {
		return err
	}
	return m.store.Load().DropLease(ctx, l)
}

func (m *machine) Watch(ctx context.Context, wake func()) { m.store.Load().Watch(ctx, wake) }

func (m *machine) Expire(ctx context.Context, now int64, limit int) (int, error) {
	return m.store.Load().Expire(ctx, now, limit)
}

func (m *machine) CleanUpTime(ctx context.Context, now int64) (int64, error) {
	return m.store.Load().CleanUpTime(ctx, now)
}

func (m *machine) SameStore(ctx context.Context) error {
	if err := m.before("SameStore"); err != nil {
		return err
	}
	if m.replaced.Load() {
		return revocation.ErrOtherStore
	}
	return m.store.Load().SameStore(ctx)
}

func (m *machine) WriteBack(ctx context.Context, changes []revocation.Change) (int, error) {
	if err := m.before("WriteBack"); err != nil {
		return 0, err
	}
	return m.store.Load().WriteBack(ctx, changes)
}

func (m *machine) ReadFeed(
	ctx context.Context, node string, after int64, limit int,
) (revocation.FeedPage, error) {
	if err := m.before("ReadFeed"); err != nil {
		return revocation.FeedPage{}, err
	}
	return m.store.Load().ReadFeed(ctx, node, after, limit)
}

func (m *machine) NewEpoch(ctx context.Context) error {
	if err := m.before("NewEpoch"); err != nil {
		return err
	}
	return m.store.Load().NewEpoch(ctx)
}
