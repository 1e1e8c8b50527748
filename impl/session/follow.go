package session

import (
	"context"
	"errors"
	"strconv"
	"time"
)

var errLeaseGone = errors.New("the lease is gone")

// join loads the whole feed, and only then takes a lease and reads what was added meanwhile: under a lease it has to be quick.
// What the memory holds already stays: after a restore it may be more than the store has.
func (n *Node) join(ctx context.Context) error {
	before := n.applied.Load()
	n.reading.Lock()
	n.applied.Store(0)
	n.reading.Unlock()
	applied, err := n.read(ctx)
	if err != nil {
		return err
	}
	if applied < before {
		n.alarm(applied, before)
	}
	n.loaded.Store(true)
	return n.take(ctx, func(ctx context.Context) error {
		if err := n.leases.Join(ctx, n.next(applied)); err != nil {
			return err
		}
		n.joined, n.confirmed, n.acked = true, n.version, applied
		return nil
	})
}

// take is the order that revocation rests on: note the time, write the lease, read the feed, and only then answer from memory.
func (n *Node) take(ctx context.Context, write func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, renewLimit)
	defer cancel()
	since := n.clock.Now()
	if err := write(ctx); err != nil {
		return err
	}
	if _, err := n.read(ctx); err != nil {
		return err
	}
	n.term.Store(&term{since: since})
	return n.acknowledge(ctx)
}

func (n *Node) renew(ctx context.Context) error {
	return n.confirm(n.leases.Renew(ctx, n.next(n.acked), n.confirmed))
}

// acknowledge tells the revokers how far the feed was applied.
func (n *Node) acknowledge(ctx context.Context) error {
	applied := n.applied.Load()
	if applied == n.acked {
		return nil
	}
	err := n.confirm(n.leases.Acknowledge(ctx, n.next(applied), n.confirmed))
	if err == nil {
		n.acked = applied
	}
	return err
}

// next is the lease to be written. Each write has a version of its own, for it may succeed although it seemed to fail.
func (n *Node) next(acknowledged int64) Lease {
	n.version++
	return Lease{Node: n.id, Version: n.version, Acknowledged: acknowledged}
}

func (n *Node) confirm(kept bool, err error) error {
	if err != nil {
		return err
	}
	if !kept {
		n.drop()
		return errLeaseGone
	}
	n.confirmed = n.version
	return nil
}

// follow reads the feed between two renewals.
func (n *Node) follow(ctx context.Context) error {
	if !n.joined {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, renewLimit)
	defer cancel()
	if _, err := n.read(ctx); err != nil {
		return err
	}
	return n.acknowledge(ctx)
}

// read applies the feed to its head, and returns the sequence up to which it is applied.
func (n *Node) read(ctx context.Context) (int64, error) {
	n.reading.Lock()
	defer n.reading.Unlock()
	for {
		applied := n.applied.Load()
		page, err := n.feed.Changes(ctx, applied, pageSize, n.known.apply)
		if err != nil {
			return 0, err
		}
		n.head.Store(page.Head)
		switch {
		case page.Head < applied:
			n.alarm(page.Head, applied)
			n.term.Store(nil)
			n.applied.Store(0)
		case page.Read < pageSize:
			n.applied.Store(max(page.Head, page.Last))
			return n.applied.Load(), nil
		default:
			n.applied.Store(page.Last)
		}
	}
}

// CatchUp reads the feed for a revoker in the same process, and returns the sequence up to which it is applied.
func (n *Node) CatchUp(ctx context.Context) (int64, error) {
	if !n.loaded.Load() {
		return 0, nil
	}
	return n.read(ctx)
}

func (n *Node) alarm(head, applied int64) {
	n.log.Error("The feed of revocations is shorter than what was applied: the store was restored, or failed over with loss. "+
		"What is in memory is kept; follow the restore procedure", "head", head, "applied", applied)
}

// drop makes the node answer from the store until it has joined anew.
func (n *Node) drop() {
	n.term.Store(nil)
	n.joined = false
}

// leave stops answering from memory, and then says so.
func (n *Node) leave(ctx context.Context) {
	n.drop()
	ctx, cancel := context.WithTimeout(ctx, renewLimit)
	defer cancel()
	if err := n.leases.Leave(ctx, n.id); err != nil {
		n.log.Warn("The lease could not be deleted: the next revocation waits for it once", "error", err)
	}
}

// Waiting says what the node waits for before it is ready, or is empty.
func (n *Node) Waiting() string {
	switch {
	case !n.loaded.Load():
		return "the feed of revocations is being read: " + strconv.FormatInt(n.applied.Load(), 10) + " of " +
			strconv.FormatInt(n.head.Load(), 10)
	case !n.term.Load().live(n.clock.Now()):
		return "there is no lease: the store does not answer, or too slowly"
	}
	return ""
}

// Status is what the node shows to operators.
type Status struct {
	InForce  int           // revocations in memory, cut-offs included
	Lag      int64         // how many entries of the feed are not applied, as far as is known
	HasLease bool          // whether the node answers from memory
	LeaseAge time.Duration // since the time that the lease counts from, by the monotonic clock; 0 without a lease
}

// Status returns the node's state.
func (n *Node) Status() Status {
	now, t := n.clock.Now(), n.term.Load()
	s := Status{InForce: n.known.length(), Lag: max(n.head.Load()-n.applied.Load(), 0), HasLease: t.live(now)}
	if t != nil {
		s.LeaseAge = now.Mono - t.since.Mono
	}
	return s
}
