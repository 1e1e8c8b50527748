package revocation

import (
	"context"
	"errors"
	"fmt"
)

// errLeaseGone makes the node join again.
var errLeaseGone = errors.New("the lease is gone")

// pageSize is how many changes one statement reads: so many that loading is fast, and so few that
// the statement ends within its time limit.
const pageSize = 20_000

// join loads the whole feed. Only then it takes a lease and reads the changes that were added
// meanwhile: a node that has a lease must be quick. Revocations that are in memory already stay
// there: after a restore the memory may hold more than the store. The node writes them back before
// it takes the lease.
func (n *Node) join(ctx context.Context) error {
	before, page, apply := n.applied.Load(), Page{Head: 1}, n.memory.apply
	var stored memory
	mayHaveMore := n.memory.any.Load()
	if mayHaveMore {
		n.own.clear() // the memory has them: they are written back if the feed lacks them
		apply = func(c Change) {
			stored.apply(c)
			n.memory.apply(c)
		}
	}
	for page.Applied < page.Head {
		var err error
		if page, err = n.store.Load(ctx, page.Applied, pageSize, apply); err != nil {
			return err
		}
		n.applied.Store(page.Applied)
		n.head.Store(page.Head)
	}
	if page.Applied < before {
		n.alarm(page.Applied, before)
	}
	if err := n.replaceEpoch(ctx); err != nil {
		return err
	}
	if mayHaveMore {
		if err := n.writeBack(ctx, &stored); err != nil {
			return err
		}
	}
	n.loaded.Store(true)
	return n.beginTerm(ctx, func(ctx context.Context) error {
		l := Lease{Node: n.id, Version: n.nextVersion(), Acknowledged: page.Applied}
		if err := n.store.Join(ctx, l); err != nil {
			return err
		}
		n.joined = true
		n.confirmed.Store(l.Version)
		return nil
	})
}

// renew gives the lease a new version. A renewal acknowledges nothing: after a restore of the store
// the node may have applied sequences that the store gives out again.
func (n *Node) renew(ctx context.Context) error {
	l := Lease{Node: n.id, Version: n.nextVersion()}
	kept, err := n.store.Renew(ctx, l, n.confirmed.Load())
	if err != nil {
		return err
	}
	if !kept {
		n.dropLease()
		return errLeaseGone
	}
	n.confirmed.Store(l.Version)
	return nil
}

// beginTerm takes the steps that the protocol rests on, in their order: note the time, write the
// lease, read and acknowledge the feed, and only then answer from memory.
func (n *Node) beginTerm(ctx context.Context, write func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, renewLimit)
	defer cancel()
	since := n.clock.Now()
	if err := write(ctx); err != nil {
		return err
	}
	if err := n.read(ctx); err != nil {
		return err
	}
	n.term.Store(&term{since: since})
	n.leased.Store(int64(since.Mono))
	return nil
}

// nextVersion returns the version of the next write of the lease. Each write has a version of its
// own, because a write may take effect although it returned an error.
func (n *Node) nextVersion() int64 {
	n.version++
	return n.version
}

// follow reads the feed between two renewals.
func (n *Node) follow(ctx context.Context) error {
	if !n.joined {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, renewLimit)
	defer cancel()
	return n.read(ctx)
}

// read applies the feed to its head and acknowledges it. The sequence up to which the feed is
// applied counts only once the store has confirmed the acknowledgement: until then the changes may
// come from a server that was replaced, and the server that replaced it may use the same sequences
// for others.
func (n *Node) read(ctx context.Context) error {
	expected := n.own.expected(n.applied.Load())
	apply := n.memory.apply
	if expected != nil {
		apply = func(c Change) {
			n.memory.apply(c)
			delete(expected, c.Key)
		}
	}
	for {
		applied, next := n.applied.Load(), n.nextVersion()
		lease := Lease{Node: n.id, Version: n.confirmed.Load()}
		page, err := n.store.Follow(ctx, lease, next, applied, pageSize, apply)
		if err != nil {
			return err
		}
		n.head.Store(page.Head)
		if page.Head < applied {
			n.alarm(page.Head, applied)
			return n.loadAgain()
		}
		if page.Applied > applied {
			n.applied.Store(page.Applied)
			n.confirmed.Store(next)
			n.grown.raise()
		}
		if page.Applied < page.Head {
			continue
		}
		if len(expected) > 0 { // the feed lacks a revocation that was committed before this read
			n.regressed = true
			return n.loadAgain()
		}
		return nil
	}
}

// loadAgain makes the node join again.
func (n *Node) loadAgain() error {
	n.dropLease()
	n.applied.Store(0)
	return fmt.Errorf("%w: the node has to load the feed again", errLeaseGone)
}

func (n *Node) alarm(head, applied int64) {
	n.regressed = true
	n.log.Error("The feed of revocations is shorter than what was applied: the store was restored, or it "+
		"failed over with loss. The revocations in memory are kept, and written back if the store lacks them",
		"alarm", "feed_regression", "head", head, "applied", applied)
}

// dropLease makes the node answer from the store until it has joined again.
func (n *Node) dropLease() {
	n.term.Store(nil)
	n.joined = false
}
