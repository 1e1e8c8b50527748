package revocation

import (
	"context"
	"strconv"
	"time"
)

// NothingRevoked reports that the node has a live lease and that no revocation exists at all. It
// spares the common case the computation of keys.
func (n *Node) NothingRevoked() bool {
	// The lease is checked before the memory, as in Lookup. The first check of the memory only
	// avoids reading the clocks.
	return !n.memory.any.Load() && n.live() && !n.memory.any.Load()
}

// Lookup returns the revocation state of a session and its identity. It looks for no session if the
// session ID is zero. If the node has a live lease, it answers from memory and does no I/O. Else it
// reads the store, and returns ErrUnavailable if the store does not answer.
func (n *Node) Lookup(ctx context.Context, session SessionID, identity string) (State, error) {
	// The lease is checked before the memory is read. In the other order the memory that was read
	// might be older than the lease.
	if n.live() {
		return n.memory.lookup(session, identity), nil
	}
	stored, err := n.store.Lookup(ctx, session, identity)
	if err != nil {
		return stored, err
	}
	// If the store was restored, the memory may know more than the store.
	known := n.memory.lookup(session, identity)
	stored.Revoked = stored.Revoked || known.Revoked
	if known.HasCutoff && (!stored.HasCutoff || known.Cutoff > stored.Cutoff) {
		stored.HasCutoff, stored.Cutoff = true, known.Cutoff
	}
	return stored, nil
}

func (n *Node) live() bool { return n.term.Load().live(n.clock.Now()) }

// Waiting says why the node is not ready. It is empty if the node is ready.
func (n *Node) Waiting() string {
	switch {
	case n.otherStore.Load():
		return "the store is not the one that this server started with"
	case !n.loaded.Load():
		return "the feed of revocations is being read: " + strconv.FormatInt(n.applied.Load(), 10) + " of " +
			strconv.FormatInt(n.head.Load(), 10)
	case !n.live():
		return "there is no lease: the store does not answer, or it is too slow"
	}
	return ""
}

// Status is the part of a node's state that operators see.
type Status struct {
	InForce  int   // revocations in memory, cut-offs included
	Lag      int64 // how many changes are known to be in the feed and are not applied
	HasLease bool  // the node answers from memory
	// LeaseAge is the time since the last term began, by the monotonic clock. It goes on without a
	// lease, and counts from the start of the process if there never was one.
	LeaseAge time.Duration
	// WrittenBack is how many revocations this process has written back, because the store had lost
	// them.
	WrittenBack int64
}

// Status returns the node's state.
func (n *Node) Status() Status {
	now, t := n.clock.Now(), n.term.Load()
	s := Status{
		InForce:     n.memory.length(),
		Lag:         max(n.head.Load()-n.applied.Load(), 0),
		HasLease:    t.live(now),
		WrittenBack: n.writtenBack.Load(),
	}
	s.LeaseAge = now.Mono - time.Duration(n.leased.Load())
	return s
}
