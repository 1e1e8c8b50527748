package revocation

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// RevokerStore is the part of the store that a revoker needs.
type RevokerStore interface {
	// Revoke commits r, and returns the revocation that is in force then: with its sequence, and
	// perhaps older or kept longer than r.
	Revoke(ctx context.Context, r Revocation) (Revocation, error)
	// Leases returns the leases of all nodes. It reads every change that was acknowledged before
	// the call, and returns an error if it does not see r.
	Leases(ctx context.Context, r Revocation) ([]Lease, error)
	// PeekLeases returns the leases of all nodes, but may miss changes.
	PeekLeases(ctx context.Context) ([]Lease, error)
	// DropLease deletes the lease if its version is still the given one.
	DropLease(ctx context.Context, l Lease) error
}

// Revoker makes revocations take effect on every node.
type Revoker struct {
	store RevokerStore
	clock Clock
	log   *slog.Logger
	node  *Node
}

// NewRevoker returns a Revoker. node is the node of this process, or nil if the process has none.
func NewRevoker(store RevokerStore, clock Clock, log *slog.Logger, node *Node) *Revoker {
	return &Revoker{store: store, clock: clock, log: log, node: node}
}

// Revoke commits r and waits until every node refuses the revoked sessions. It returns the
// revocation that is in force then. After an error the revocation may or may not be in force, and
// the caller tries again. A call takes at most LeaseTerm while the store answers. It returns
// ErrInvalid, and revokes nothing, if r is not valid.
func (r *Revoker) Revoke(ctx context.Context, rev Revocation) (Revocation, error) {
	if err := rev.check(); err != nil {
		return Revocation{}, err
	}
	// The order matters: commit, read the leases, wait for the nodes that have one. If the leases
	// were read first, a node could take a lease and read the feed in between, and the revoker
	// would miss it.
	rev, err := r.store.Revoke(ctx, rev)
	if err != nil {
		return Revocation{}, err
	}
	leases, err := r.store.Leases(ctx, rev)
	if err != nil {
		return Revocation{}, err
	}
	if r.node != nil {
		// The node of this process needs no acknowledgement.
		r.node.memory.apply(rev.change())
		r.node.own.add(rev.change())
		leases = slices.DeleteFunc(leases, func(l Lease) bool { return l.Node == r.node.id })
	}
	// The wait begins after the leases were read, so that each of them is older than the wait.
	deadline := r.clock.Now().Mono + LeaseTerm
	silent, err := r.awaitNodes(ctx, rev, leases, deadline)
	if err != nil {
		return Revocation{}, err
	}
	// The next revocation need not wait for the silent nodes. It does no harm if this fails.
	for _, l := range silent {
		r.log.Warn("A node did not acknowledge for a full lease: its lease is deleted", "node", l.Node)
		if err := r.store.DropLease(ctx, l); err != nil {
			r.log.Warn("The lease could not be deleted", "node", l.Node, "error", err)
		}
	}
	return rev, nil
}

// check returns ErrInvalid if r does not name either a session or an identity, or if a text has a NUL
// or is not UTF-8: PostgreSQL stores neither.
func (r *Revocation) check() error {
	switch {
	case r.Kind == OfSession && r.Session == SessionID{}:
		return fmt.Errorf("%w: the session ID is missing", ErrInvalid)
	case r.Kind == OfIdentity && r.Identity == "":
		return fmt.Errorf("%w: the identity is missing", ErrInvalid)
	case r.Kind == OfIdentity && r.Session != SessionID{}, r.Kind != OfSession && r.Kind != OfIdentity:
		return fmt.Errorf("%w: it must revoke either one session or one identity", ErrInvalid)
	case !storable(r.Identity):
		return fmt.Errorf("%w: the identity must be UTF-8 text without the character NUL", ErrInvalid)
	case !storable(r.Reason) || !storable(r.Actor):
		return fmt.Errorf("%w: the reason must be UTF-8 text without the character NUL", ErrInvalid)
	}
	return nil
}

func storable(text string) bool { return utf8.ValidString(text) && !strings.Contains(text, "\x00") }

const (
	firstPause = 2 * time.Millisecond
	lastPause  = 50 * time.Millisecond
)

// awaitNodes waits until the node of each lease has acknowledged the revocation or has no lease any
// more. It returns the leases of the nodes that did neither before the deadline.
func (r *Revoker) awaitNodes(
	ctx context.Context, rev Revocation, leases []Lease, deadline time.Duration,
) ([]Lease, error) {
	pending := slices.DeleteFunc(leases, func(l Lease) bool { return l.Acknowledged >= rev.Sequence })
	for pause := firstPause; len(pending) > 0; pause = min(2*pause, lastPause) {
		left := deadline - r.clock.Now().Mono
		if left <= 0 {
			return pending, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-r.clock.After(min(pause, left)):
		}
		// If the store does not answer now, the deadline ends the wait. Only a change is worth the
		// read that may be relied on.
		now, err := r.store.PeekLeases(ctx)
		if err != nil || len(stillPending(pending, now, rev.Sequence)) == len(pending) {
			continue
		}
		if now, err = r.store.Leases(ctx, rev); err == nil {
			pending = stillPending(pending, now, rev.Sequence)
		}
	}
	return nil, nil
}

// stillPending returns the leases of the nodes that have a lease now and have not acknowledged
// sequence. It returns them as they were read first: that a lease was renewed since does not prove
// that its node has applied anything, and such a lease must not be deleted either.
func stillPending(pending, now []Lease, sequence int64) []Lease {
	var still []Lease
	for _, l := range pending {
		i := slices.IndexFunc(now, func(n Lease) bool { return n.Node == l.Node })
		if i >= 0 && now[i].Acknowledged < sequence {
			still = append(still, l)
		}
	}
	return still
}
