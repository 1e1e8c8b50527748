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
	// Audit receives the events; nil drops them.
	Audit Auditor
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
	audit       Auditor
	clocks      *revocation.ClockCheck
	maxLifetime int64 // milliseconds
}

// Origin is the actor and the reason of a revocation. The store keeps both.
type Origin struct {
	// Actor is one of the constants below, or begins with one of the prefixes.
	Actor  string
	Reason string // free text
}

// The actors of revocations. The audit stream and the store have them.
const (
	actorClient = "client" // presented a refresh token of the session
	ActorUser   = "user:"  // and the identity, which presented its own access token
	actorReuse  = "reuse"  // the server itself, because a refresh token was reused
	ActorAdmin  = "admin:" // and the administrator's identity
	ActorCLI    = "cli:"   // and the user of the machine on which the command ran
	// actorUserService is the operator's user service, which said that the identity is gone.
	actorUserService = "user_service"
)

// NewRevoker returns a Revoker.
func NewRevoker(c RevokerConfig) *Revoker {
	if c.Audit == nil {
		c.Audit = noAudit{}
	}
	return &Revoker{
		revoker:     revocation.NewRevoker(c.Store, c.Clock, c.Log, c.Node),
		clock:       c.Clock,
		audit:       c.Audit,
		clocks:      c.Clocks,
		maxLifetime: c.MaxLifetime.Milliseconds(),
	}
}

// RevokeToken revokes the session of a genuine refresh token. The token may be expired: its session
// may have younger ones.
func (r *Revoker) RevokeToken(
	ctx context.Context, t *token.Token, by Origin,
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
		Reason:    by.Reason,
		Actor:     by.Actor,
		RevokedAt: now,
		KeptUntil: until + keptAfterExpiry,
		OneToken:  one,
	})
}

// RevokeSession revokes a session by its ID. identity may be empty if it is not known.
func (r *Revoker) RevokeSession(
	ctx context.Context, id revocation.SessionID, identity string, by Origin,
) (revocation.Revocation, error) {
	now := r.clock.Now().UnixMilli()
	return r.revoke(ctx, revocation.Revocation{
		Kind:      revocation.OfSession,
		Session:   id,
		Identity:  identity,
		Reason:    by.Reason,
		Actor:     by.Actor,
		RevokedAt: now,
		KeptUntil: latestExpiry(now, r.maxLifetime) + keptAfterExpiry,
	})
}

// RevokeIdentity revokes all sessions of an identity that started up to now.
func (r *Revoker) RevokeIdentity(
	ctx context.Context, identity string, by Origin,
) (revocation.Revocation, error) {
	return r.revoke(ctx, revocation.Revocation{
		Kind:      revocation.OfIdentity,
		Identity:  identity,
		Reason:    by.Reason,
		Actor:     by.Actor,
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
	inForce, err := r.revoker.Revoke(ctx, made)
	if err == nil {
		r.audit.Record(ctx, revocationEvent(made, inForce))
	}
	return inForce, err
}
