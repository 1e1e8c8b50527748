package session

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Feed is where a node reads revocations.
type Feed interface {
	// Changes calls apply for up to limit changes after a sequence, in order.
	Changes(ctx context.Context, after int64, limit int, apply func(Change)) (Page, error)
	// Standing looks one subject up in the store. A zero session is not looked for.
	Standing(ctx context.Context, session ID, identity string) (Standing, error)
	// Watch calls wake soon after the feed may have grown, until ctx ends. It is a speed-up: it may miss any number of changes.
	Watch(ctx context.Context, wake func())
	// Expire removes up to limit revocations that need not be kept at now (Unix milliseconds), and returns how many.
	Expire(ctx context.Context, now int64, limit int) (int, error)
}

// Page says how far Changes has read. Head is the feed's last sequence, read before the changes were.
type Page struct {
	Read       int
	Last, Head int64
}

// pageSize is how many changes one statement reads: enough to be quick, and few enough that it is over within a
// statement's time limit.
const pageSize = 20_000

// NodeConfig is what a Node works with. All fields are required.
type NodeConfig struct {
	Feed   Feed
	Leases Leases
	Clock  Clock
	Log    *slog.Logger
}

// Node is this process's share of the revocations: it holds all of them in memory, and a lease for as long as they are known to
// be complete. docs/decisions/0005-strict-revocation.md says why the order of its steps must not be changed.
type Node struct {
	id     string
	feed   Feed
	leases Leases
	clock  Clock
	log    *slog.Logger

	known  revocations
	term   atomic.Pointer[term] // nil: no lease
	loaded atomic.Bool
	wake   chan struct{}

	reading sync.Mutex   // held while the feed is read
	applied atomic.Int64 // written under reading
	head    atomic.Int64

	// Only the goroutine of Run uses these.
	joined    bool
	version   int64 // of the last lease written, or perhaps written
	confirmed int64 // of the last lease that is known to have been written
	acked     int64
	failing   bool          // since the last renewal
	warned    time.Duration // when that was logged last, on the monotonic clock
}

// NewNode returns a Node that answers from the store until Run has loaded the feed.
func NewNode(c NodeConfig) *Node {
	return &Node{
		id: rand.Text(), feed: c.Feed, leases: c.Leases, clock: c.Clock, log: c.Log,
		wake: make(chan struct{}, 1),
	}
}

// Run keeps the node's memory and lease up to date until ctx ends. Then it deletes the lease and returns.
func (n *Node) Run(ctx context.Context) {
	var tasks sync.WaitGroup
	tasks.Go(func() { n.feed.Watch(ctx, n.Wake) })
	tasks.Go(func() { n.expire(ctx) })
	for ctx.Err() == nil {
		n.rest(ctx, n.advance(ctx))
	}
	tasks.Wait()
	n.leave(context.WithoutCancel(ctx))
}

// Wake makes the node read the feed now.
func (n *Node) Wake() {
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// advance renews the lease, or joins, and returns when to do so again.
func (n *Node) advance(ctx context.Context) time.Duration {
	err := n.renewOrJoin(ctx)
	switch {
	case err == nil:
		n.recovered()
		return renewEvery
	case ctx.Err() == nil:
		n.warn(err)
	}
	return retryEvery
}

// warnEvery keeps a store that is away from filling the log: four attempts a second fail.
const warnEvery = 10 * time.Second

func (n *Node) warn(err error) {
	now := n.clock.Now()
	if n.failing && now.Mono-n.warned < warnEvery {
		return
	}
	n.failing, n.warned = true, now.Mono
	n.log.Warn("The lease could not be renewed", "error", err, "live", n.term.Load().live(now))
}

func (n *Node) recovered() {
	if n.failing {
		n.failing = false
		n.log.Info("The lease is renewed again")
	}
}

func (n *Node) renewOrJoin(ctx context.Context) error {
	if n.joined {
		err := n.take(ctx, n.renew)
		if !errors.Is(err, errLeaseGone) {
			return err
		}
	}
	if n.confirmed > 0 {
		n.log.Warn("The lease is gone: joining anew")
	}
	return n.join(ctx)
}

// rest waits for pause, and reads the feed meanwhile whenever the node is woken.
func (n *Node) rest(ctx context.Context, pause time.Duration) {
	over := n.clock.After(pause)
	for {
		select {
		case <-ctx.Done():
			return
		case <-over:
			return
		case <-n.wake:
			if n.follow(ctx) != nil {
				return
			}
		}
	}
}

// expireEvery and expireBatch: a batch is small enough to hold up nobody.
const (
	expireEvery = time.Minute
	expireBatch = 500
)

// expire removes what need not be kept any more, from the store in batches and from memory.
func (n *Node) expire(ctx context.Context) {
	sweep(ctx, n.clock, func(now Instant) {
		if err := inBatches(ctx, now, n.feed.Expire); err != nil {
			n.log.Debug("Expired revocations could not be removed", "error", err)
		}
		n.known.expire(now.seconds())
	})
}

// sweep calls remove now and then until ctx ends.
func sweep(ctx context.Context, clock Clock, remove func(now Instant)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-clock.After(expireEvery):
		}
		remove(clock.Now())
	}
}

// inBatches calls remove until nothing is left that need not be kept at now.
func inBatches(ctx context.Context, now Instant, remove func(ctx context.Context, now int64, limit int) (int, error)) error {
	for removed := expireBatch; removed == expireBatch && ctx.Err() == nil; {
		var err error
		if removed, err = remove(ctx, now.milliseconds(), expireBatch); err != nil {
			return err
		}
	}
	return nil
}
