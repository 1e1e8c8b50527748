package session

import (
	"context"
	"time"
)

const (
	// LeaseTerm is L: how long a node may answer from memory after it noted the time, wrote its lease and read the feed; and how
	// long a revoker waits for a node that does not answer.
	LeaseTerm = 3 * time.Second
	// driftAllowance is taken off on the node's side, because two machines' seconds differ: by a thousandth at most where a
	// clock is being slewed, and this is ten times that.
	driftAllowance = LeaseTerm / 100

	renewEvery = time.Second
	retryEvery = 250 * time.Millisecond
	// renewLimit bounds one renewal, so that after one that hangs there is time for another.
	renewLimit = LeaseTerm / 2
)

// Lease is a node's row in the store. A revoker waits for the nodes that have one.
type Lease struct {
	Node         string // random, one for each process
	Version      int64  // counts the node's renewals
	Acknowledged int64  // sequence up to which the node has applied the feed
}

// Leases is where a node keeps its own lease.
type Leases interface {
	// Join writes the lease, whether there is one or not.
	Join(ctx context.Context, l Lease) error
	// Renew gives the lease its new version if the stored one is at least since. Else it returns false: the lease is gone, or the
	// store is an older copy of itself.
	Renew(ctx context.Context, l Lease, since int64) (bool, error)
	// Acknowledge sets what the lease acknowledges, under the same condition.
	Acknowledge(ctx context.Context, l Lease, since int64) (bool, error)
	// Leave deletes the node's lease.
	Leave(ctx context.Context, node string) error
}

// term is the time for which a node answers from memory.
type term struct{ since Instant }

// live reports that the term is not over by either clock. A wall clock that was set back ends it too.
func (t *term) live(now Instant) bool {
	return t != nil && within(now.Mono-t.since.Mono) && within(time.Duration(now.Wall-t.since.Wall))
}

func within(age time.Duration) bool { return 0 <= age && age < LeaseTerm-driftAllowance }
