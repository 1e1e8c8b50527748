package revocation

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// NodeStore is the part of the store that a node needs.
type NodeStore interface {
	feedReader
	leaseWriter
	lossMonitor
	feedServer
}

// feedReader reads revocations, and removes those that have expired.
type feedReader interface {
	// Load calls apply for up to limit changes after a sequence, in order. It reads every change
	// that was acknowledged before the call.
	Load(ctx context.Context, after int64, limit int, apply func(Change)) (Page, error)
	// Lookup reads the revocation state of a session and an identity. It reads every change that was
	// acknowledged before the call. It looks for no session if the session ID is zero.
	Lookup(ctx context.Context, session SessionID, identity string) (State, error)
	// Watch calls wake soon after the feed may have grown, until ctx is done. It only makes nodes
	// faster: it may miss any number of changes.
	Watch(ctx context.Context, wake func())
	// Expire is a RemoveFunc for revocations.
	Expire(ctx context.Context, at int64, limit int) (int, error)
	// CleanUpTime returns the time at which rows may be removed, if this machine's clock shows now.
	// Both are in Unix milliseconds.
	CleanUpTime(ctx context.Context, now int64) (int64, error)
}

// leaseWriter writes the node's own lease.
type leaseWriter interface {
	// Join writes the lease, whether or not there is one.
	Join(ctx context.Context, l Lease) error
	// Renew gives the lease its new version if the stored version is at least since. It returns
	// false if it is not, or if the lease is gone: then another process deleted it, or the store is
	// an older copy of itself.
	Renew(ctx context.Context, l Lease, since int64) (bool, error)
	// Follow is like Load, in a transaction that shows the lease l with its version or a later one.
	// If there are changes, the same transaction acknowledges them in the lease, which gets the
	// version next. Follow returns an error if the transaction does not show the lease, or if its
	// commit is not acknowledged.
	Follow(ctx context.Context, l Lease, next, after int64, limit int, apply func(Change)) (Page, error)
	// Leave deletes the node's lease.
	Leave(ctx context.Context, node string) error
}

// Page says how far a read came.
type Page struct {
	Applied int64 // every change up to this sequence was applied
	Head    int64 // the feed's last sequence
}

// Node is this process's part of the protocol: it holds all revocations in memory, and a lease in
// the store for as long as its memory is known to be complete. The order of its steps must not be
// changed: docs/decisions/0005-strict-revocation.md says why.
type Node struct {
	id    string
	store NodeStore
	clock Clock
	log   *slog.Logger

	memory memory
	own    ownRevocations
	term   atomic.Pointer[term] // nil: no lease
	loaded atomic.Bool          // the whole feed was read once
	wake   chan struct{}
	grown  signal // the feed has grown

	// applied is the sequence up to which the feed is applied, and head its last sequence, as far
	// as both are known. Run writes them, Status reads them.
	applied, head atomic.Int64
	confirmed     atomic.Int64 // version of the last lease that is known to have been written
	leased        atomic.Int64 // when the last term began, on the monotonic clock
	writtenBack   atomic.Int64
	otherStore    atomic.Bool // the store is not the one that was opened

	// The fields below are used by the goroutine of Run alone.
	joined    bool
	version   int64         // of the last lease that may have been written
	regressed bool          // the feed has lost entries, and its epoch is still to be replaced
	failing   bool          // the last renewal failed
	warned    time.Duration // time of the last warning, on the monotonic clock
}

// NewNode returns a Node. Until Run has loaded the feed, it answers every lookup from the store.
func NewNode(store NodeStore, clock Clock, log *slog.Logger) *Node {
	n := &Node{
		id:    nodeID(),
		store: store,
		clock: clock,
		log:   log,
		wake:  make(chan struct{}, 1),
	}
	n.leased.Store(int64(clock.Now().Mono))
	return n
}

// nodeID returns a new ID for each process. It begins with the name of the machine, so that a lease
// and a log line lead to it.
func nodeID() string {
	host, err := os.Hostname()
	if err != nil || host == "" {
		return rand.Text()
	}
	return strings.ToValidUTF8(host, "") + "." + rand.Text()
}

// ID returns the node's ID.
func (n *Node) ID() string { return n.id }

// Run keeps the node's memory and lease up to date until ctx is done. Then it deletes the lease and
// returns. Meanwhile it removes revocations that need not be kept, and calls removes for other
// rows.
func (n *Node) Run(ctx context.Context, removes ...RemoveFunc) {
	var tasks sync.WaitGroup
	tasks.Go(func() { n.store.Watch(ctx, n.Wake) })
	tasks.Go(func() { n.cleanUp(ctx, append(removes, n.removeExpired)) })
	for ctx.Err() == nil {
		pause := renewEvery
		if err := n.renewOrJoin(ctx); err != nil {
			pause = retryEvery
			n.warn(ctx, err)
		} else if n.failing {
			n.failing = false
			n.log.Info("The lease is renewed again")
		}
		n.followFor(ctx, pause)
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

// warnEvery bounds the log while the store is unavailable: four attempts a second fail.
const warnEvery = 10 * time.Second

func (n *Node) warn(ctx context.Context, err error) {
	now := n.clock.Now()
	if ctx.Err() != nil || n.failing && now.Mono-n.warned < warnEvery {
		return
	}
	n.failing, n.warned = true, now.Mono
	n.log.Warn("The lease could not be renewed", "error", err, "live", n.term.Load().live(now))
}

func (n *Node) renewOrJoin(ctx context.Context) error {
	if err := n.checkStore(ctx); err != nil {
		return err
	}
	if n.joined {
		if err := n.beginTerm(ctx, n.renew); !errors.Is(err, errLeaseGone) {
			return err
		}
	}
	if n.confirmed.Load() > 0 {
		n.log.Warn("The lease is gone: the node joins again")
	}
	return n.join(ctx)
}

// followFor waits for pause. Whenever the node is woken meanwhile, it reads the feed. It returns
// early if that fails.
func (n *Node) followFor(ctx context.Context, pause time.Duration) {
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

// checkStore returns ErrOtherStore, and ends the lease, if the store is not the one that was opened:
// then the memory says nothing about the sessions of the store, and the store nothing about those of
// the memory.
func (n *Node) checkStore(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, renewLimit)
	defer cancel()
	err := n.store.SameStore(ctx)
	other := errors.Is(err, ErrOtherStore)
	if other {
		n.dropLease()
	} else if err != nil {
		return err
	}
	switch was := n.otherStore.Swap(other); {
	case other && !was:
		n.log.Error("alarm: the store is not the one that this server started with: it was replaced or deleted, or the "+
			"connection leads elsewhere. This server answers 503 until the store is back or the server is restarted",
			"alarm", "other_store", "error", err)
	case was && !other:
		n.log.Warn("The store is the one that this server started with again")
	}
	return err
}

// leave stops answering from memory, and only then deletes the lease.
func (n *Node) leave(ctx context.Context) {
	n.dropLease()
	ctx, cancel := context.WithTimeout(ctx, renewLimit)
	defer cancel()
	if err := n.store.Leave(ctx, n.id); err != nil {
		n.log.Warn("The lease could not be deleted: the next revocation waits for it once", "error", err)
	}
}
