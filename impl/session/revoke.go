package session

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"kalsel.dev/refresh/impl/token"
)

// Ledger is where a revoker writes.
type Ledger interface {
	// Revoke commits r, and returns what is in force then: with its sequence, and perhaps older or kept longer than r.
	Revoke(ctx context.Context, r Revocation) (Revocation, error)
	// Leases returns the leases of all nodes.
	Leases(ctx context.Context) ([]Lease, error)
	// DropLease deletes the lease if its version is still the one given.
	DropLease(ctx context.Context, l Lease) error
}

// RevokerConfig is what a Revoker works with. All fields but Node are required.
type RevokerConfig struct {
	Ledger Ledger
	Clock  Clock
	Log    *slog.Logger
	// Node is the node in the same process, if there is one.
	Node *Node
	// MaxLifetime is the longest that a refresh token may live: token.Rules.MaxLifetime.
	MaxLifetime time.Duration
	// Successors: any session may have tokens that expire later than the one that is at hand.
	Successors bool
}

// Revoker ends sessions. When one of its methods returns without an error, no node accepts a token of the session any more. With
// an error the session may or may not be ended, and whoever asked tries again. A call takes LeaseTerm at most while the store
// answers.
type Revoker struct{ c RevokerConfig }

// NewRevoker returns a Revoker.
func NewRevoker(c RevokerConfig) *Revoker { return &Revoker{c} }

// EndToken ends the session of a genuine refresh token, which may be expired: the session may have younger ones.
func (r *Revoker) EndToken(ctx context.Context, t *token.Token, reason string) (Revocation, error) {
	now := r.c.Clock.Now()
	until := t.Expires * 1000
	if r.c.Successors || !namesOneToken(t) {
		until = max(until, r.latestExpiry(now))
	}
	return r.revoke(ctx, Revocation{
		Session: IDOf(t), Identity: t.Identity, Reason: reason,
		RevokedAt: now.milliseconds(), KeptUntil: until + keptAfterExpiry,
	})
}

// EndSession ends one session of which no token is at hand. identity is whose it is, if that is known.
func (r *Revoker) EndSession(ctx context.Context, id ID, identity, reason string) (Revocation, error) {
	now := r.c.Clock.Now()
	return r.revoke(ctx, Revocation{
		Session: id, Identity: identity, Reason: reason,
		RevokedAt: now.milliseconds(), KeptUntil: r.latestExpiry(now) + keptAfterExpiry,
	})
}

// EndIdentity ends all sessions of an identity that started up to now.
func (r *Revoker) EndIdentity(ctx context.Context, identity, reason string) (Revocation, error) {
	return r.revoke(ctx, Revocation{
		Identity: identity, Reason: reason,
		RevokedAt: r.c.Clock.Now().milliseconds(), KeptUntil: Forever,
	})
}

// keptAfterExpiry, in milliseconds, is 7 days of access token and a day because clocks differ. clockLeeway is how far ahead a
// token's iat may be.
const (
	keptAfterExpiry = 8 * 24 * int64(time.Hour/time.Millisecond)
	clockLeeway     = time.Minute
)

// latestExpiry is the latest exp of any token that exists by now, in Unix milliseconds, rounded up to a whole day: to end a session
// again does not have to be written again.
func (r *Revoker) latestExpiry(now Instant) int64 {
	const day = int64(24 * time.Hour / time.Millisecond)
	latest := now.milliseconds() + (r.c.MaxLifetime + clockLeeway).Milliseconds()
	return (latest + day - 1) / day * day
}

// revoke commits, then reads the leases, then waits for those who have one: in this order, or a node might take a lease and read
// the feed in between and be missed.
func (r *Revoker) revoke(ctx context.Context, rev Revocation) (Revocation, error) {
	rev, err := r.c.Ledger.Revoke(ctx, rev)
	if err != nil {
		return Revocation{}, err
	}
	leases, err := r.c.Ledger.Leases(ctx)
	if err != nil {
		return Revocation{}, err
	}
	// After the leases were read, so that all of them are older than the wait.
	deadline := r.c.Clock.Now().Mono + LeaseTerm
	silent, err := r.await(ctx, rev.Sequence, leases, deadline)
	if err != nil {
		return Revocation{}, err
	}
	r.drop(ctx, silent)
	return rev, nil
}

const (
	firstPause = 2 * time.Millisecond
	lastPause  = 50 * time.Millisecond
)

// await waits until each of the leases' nodes has acknowledged sequence or is gone, or until the deadline, and returns those
// that were silent.
func (r *Revoker) await(ctx context.Context, sequence int64, leases []Lease, deadline time.Duration) ([]Lease, error) {
	pending := r.withoutOwn(ctx, sequence, behind(leases, sequence))
	for pause := firstPause; len(pending) > 0; pause = min(2*pause, lastPause) {
		left := deadline - r.c.Clock.Now().Mono
		if left <= 0 {
			return pending, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-r.c.Clock.After(min(pause, left)):
		}
		// When the store is away now, the deadline is as good.
		if now, err := r.c.Ledger.Leases(ctx); err == nil {
			pending = stillBehind(pending, now, sequence)
		}
	}
	return nil, nil
}

func behind(leases []Lease, sequence int64) []Lease {
	return slices.DeleteFunc(leases, func(l Lease) bool { return l.Acknowledged >= sequence })
}

// stillBehind keeps the pending leases as they were read first: a lease that was renewed since is not proof that its node has
// applied anything, and must not be dropped either.
func stillBehind(pending, now []Lease, sequence int64) []Lease {
	return slices.DeleteFunc(pending, func(l Lease) bool {
		i := slices.IndexFunc(now, func(n Lease) bool { return n.Node == l.Node })
		return i < 0 || now[i].Acknowledged >= sequence
	})
}

// withoutOwn spares this process's node the way through the store.
func (r *Revoker) withoutOwn(ctx context.Context, sequence int64, pending []Lease) []Lease {
	if r.c.Node == nil {
		return pending
	}
	applied, err := r.c.Node.CatchUp(ctx)
	if err != nil || applied < sequence {
		return pending
	}
	return slices.DeleteFunc(pending, func(l Lease) bool { return l.Node == r.c.Node.id })
}

// drop deletes the leases of the silent, so that the next revocation need not wait for them. It does not matter if it fails.
func (r *Revoker) drop(ctx context.Context, silent []Lease) {
	for _, l := range silent {
		r.c.Log.Warn("A node was silent for a full lease: its lease is deleted", "node", l.Node)
		if err := r.c.Ledger.DropLease(ctx, l); err != nil {
			r.c.Log.Warn("The lease could not be deleted", "node", l.Node, "error", err)
		}
	}
}
