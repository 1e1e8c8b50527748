package revocation

import (
	"context"
	"errors"
)

var errLeaseGone = errors.New("the lease is gone")

// pageSize is how many changes one statement reads: so many that loading is fast, and so few that the
// statement ends within its time limit.
const pageSize = 20_000

// join loads the whole feed. Only then it takes a lease and reads the changes that were added meanwhile:
// a node that has a lease must be quick. Revocations that are in memory already stay there: after a
// restore the memory may hold more than the store.
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
	return n.beginTerm(ctx, func(ctx context.Context) error {
		if err := n.store.Join(ctx, n.nextLease(applied)); err != nil {
			return err
		}
		n.joined, n.confirmed, n.acknowledged = true, n.version, applied
		return nil
	})
}

func (n *Node) renew(ctx context.Context) error {
	kept, err := n.store.Renew(ctx, n.nextLease(n.acknowledged), n.confirmed)
	return n.confirm(kept, err)
}

// beginTerm takes the steps that the protocol rests on, in their order: note the time, write the lease,
// read the feed, and only then answer from memory.
func (n *Node) beginTerm(ctx context.Context, write func(context.Context) error) error {
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

// acknowledge tells the revokers how far the feed is applied.
func (n *Node) acknowledge(ctx context.Context) error {
	applied := n.applied.Load()
	if applied == n.acknowledged {
		return nil
	}
	kept, err := n.store.Acknowledge(ctx, n.nextLease(applied), n.confirmed)
	if err = n.confirm(kept, err); err == nil {
		n.acknowledged = applied
	}
	return err
}

// nextLease returns the lease to write. Each write has a version of its own, because a write may take
// effect although it returned an error.
func (n *Node) nextLease(acknowledged int64) Lease {
	n.version++
	return Lease{Node: n.id, Version: n.version, Acknowledged: acknowledged}
}

func (n *Node) confirm(kept bool, err error) error {
	if err != nil {
		return err
	}
	if !kept {
		n.dropLease()
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
		page, err := n.store.Changes(ctx, applied, pageSize, n.memory.apply)
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

// catchUp reads the feed for a revoker in the same process, and returns the sequence up to which it is
// applied.
func (n *Node) catchUp(ctx context.Context) (int64, error) {
	if !n.loaded.Load() {
		return 0, nil
	}
	return n.read(ctx)
}

func (n *Node) alarm(head, applied int64) {
	n.log.Error("The feed of revocations is shorter than what was applied: the store was restored, or it "+
		"failed over with loss. The revocations in memory are kept; follow the restore procedure",
		"head", head, "applied", applied)
}

// dropLease makes the node answer from the store until it has joined again.
func (n *Node) dropLease() {
	n.term.Store(nil)
	n.joined = false
}
