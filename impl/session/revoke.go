package session

import (
	"context"
	"log/slog"
	"time"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/token"
)

// RevokerConfig holds the parts of a Revoker. Store, Clock and Log are required.
type RevokerConfig struct {
	Store revocation.RevokerStore
	Clock revocation.Clock
	Log   *slog.Logger
	// Node is the node of this process, if it has one.
	Node *revocation.Node
	// Clocks has compared the clock with the store's. A server with a wrong clock must not revoke:
	// the revocation would end too few sessions, or would be forgotten too early.
	Clocks *revocation.ClockCheck
	// MaxLifetime is the longest that a refresh token may live: token.Rules.MaxLifetime. If a
	// server of the store has allowed more, that counts.
	MaxLifetime time.Duration
}

// Revoker decides which revocation a caller makes and how long it is kept. If one of its methods
// returns no error, no node accepts a token of the session any more. After an error the session may
// or may not be revoked, and the caller tries again.
type Revoker struct {
	revoker     *revocation.Revoker
	clock       revocation.Clock
	clocks      *revocation.ClockCheck
	maxLifetime int64 // milliseconds
}

// NewRevoker returns a Revoker.
func NewRevoker(c RevokerConfig) *Revoker {
	return &Revoker{
		revoker:     revocation.NewRevoker(c.Store, c.Clock, c.Log, c.Node),
		clock:       c.Clock,
		clocks:      c.Clocks,
		maxLifetime: c.MaxLifetime.Milliseconds(),
	}
}

// RevokeToken revokes the session of a genuine refresh token. The token may be expired: its session
// may have younger ones.
func (r *Revoker) RevokeToken(
	ctx context.Context, t *token.Token, reason string,
) (revocation.Revocation, error) {
	now := r.clock.Now().UnixMilli()
	until := t.Expires * 1000
	// A login's token without a jti is a session of its own, and its exp is the end, unless it
	// rotates.
	one := t.ID == "" && !t.Own
	if !one {
		until = max(until, latestExpiry(now, r.maxLifetime))
	}
	return r.revoke(ctx, revocation.Revocation{
		Kind:      revocation.OfSession,
		Session:   IDOf(t),
		Identity:  t.Identity,
		Reason:    reason,
		RevokedAt: now,
		KeptUntil: until + keptAfterExpiry,
		OneToken:  one,
	})
}

// RevokeSession revokes a session by its ID. identity may be empty if it is not known.
func (r *Revoker) RevokeSession(
	ctx context.Context, id revocation.SessionID, identity, reason string,
) (revocation.Revocation, error) {
	now := r.clock.Now().UnixMilli()
	return r.revoke(ctx, revocation.Revocation{
		Kind:      revocation.OfSession,
		Session:   id,
		Identity:  identity,
		Reason:    reason,
		RevokedAt: now,
		KeptUntil: latestExpiry(now, r.maxLifetime) + keptAfterExpiry,
	})
}

// RevokeIdentity revokes all sessions of an identity that started up to now.
func (r *Revoker) RevokeIdentity(
	ctx context.Context, identity, reason string,
) (revocation.Revocation, error) {
	return r.revoke(ctx, revocation.Revocation{
		Kind:      revocation.OfIdentity,
		Identity:  identity,
		Reason:    reason,
		RevokedAt: r.clock.Now().UnixMilli(),
		KeptUntil: revocation.Forever,
	})
}

func (r *Revoker) revoke(
	ctx context.Context, made revocation.Revocation,
) (revocation.Revocation, error) {
	if err := r.clocks.Err(); err != nil {
		return revocation.Revocation{}, err
	}
	return r.revoker.Revoke(ctx, made)
}
