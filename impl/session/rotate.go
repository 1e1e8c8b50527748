package session

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/token"
)

// rotator redeems refresh tokens in rotation mode.
type rotator struct {
	store   sessionStore
	limits  limits
	node    *revocation.Node
	revoker *Revoker
	keys    jwk.Source
	minter  *token.Minter
	log     *slog.Logger
	audit   Auditor
	counts  counts

	noted atomic.Pointer[string] // thumbprint of the key that the store was told of last
}

func newRotator(c Config, s *Service) *rotator {
	return &rotator{
		store:   c.Store,
		limits:  limitsOf(c.Rotation, c.ClockSkew, c.Rules.MaxLifetime),
		node:    s.node,
		revoker: s.Revoker,
		keys:    c.Keys,
		minter:  s.minter,
		log:     c.Log,
		audit:   c.Audit,
	}
}

// redemption is one refresh in progress.
type redemption struct {
	presented
	raw   string
	token *token.Token
	from  Client
	now   time.Time
	at    moment
	// granted holds the claims for the access token, which lives for life.
	granted *token.Token
	life    time.Duration
	access  token.Minted
}

const (
	// maxAttempts is how often the row may change during one refresh. Each change means that
	// another refresh of the session has succeeded.
	maxAttempts = 16
	// reuseLimit bounds the revocation of a session whose token was reused.
	reuseLimit = 4 * revocation.LeaseTerm
)

// redeem redeems a genuine refresh token that has not expired. granted holds the claims for the
// access token.
func (r *rotator) redeem(
	ctx context.Context, raw string, t, granted *token.Token, life time.Duration, from Client,
	now time.Time,
) (Grant, error) {
	active := r.keys.Keys().Active(now)
	if active == nil {
		return Grant{}, token.ErrNoSigningKey
	}
	if err := r.noteKey(ctx, active); err != nil {
		return Grant{}, err
	}
	q := &redemption{presented: present(t), raw: raw, token: t, from: from, now: now}
	q.at = moment{now: now.UnixMilli(), key: active.ID(), userAgent: shortened(from.UserAgent)}
	q.granted, q.life = granted, life
	if grant, done, err := r.advanceUnread(ctx, q); done || err != nil {
		return grant, err
	}
	for range maxAttempts {
		if grant, done, err := r.decideOnRow(ctx, q); done || err != nil {
			return grant, err
		}
	}
	return Grant{}, fmt.Errorf("%w: other refreshes changed the session %d times", revocation.ErrUnavailable, maxAttempts)
}

// noteKey tells the store, once for each key, that the key signs refresh tokens here. The store
// then still knows it when the key has lost its private half or is published by a login service.
func (r *rotator) noteKey(ctx context.Context, key *jwk.Key) error {
	thumbprint := key.Thumbprint()
	if noted := r.noted.Load(); thumbprint == "" || noted != nil && *noted == thumbprint {
		return nil
	}
	if err := r.store.NoteSigningKey(ctx, thumbprint); err != nil {
		return err
	}
	r.noted.Store(&thumbprint)
	return nil
}

// advanceUnread handles the common cases with one statement, without reading the row: a login's
// token that was not seen before, or the newest token of its session. It returns false if neither
// is the case.
func (r *rotator) advanceUnread(
	ctx context.Context, q *redemption,
) (_ Grant, done bool, err error) {
	state, err := r.node.Lookup(ctx, q.subject.id, q.subject.identity)
	if err != nil || state.Revoked {
		return Grant{}, false, err
	}
	first := q.generation == 0
	if !first && !q.token.HasAuthTime {
		return Grant{}, false, nil // only the row knows when the session started
	}
	var next Row
	var precondition Precondition
	if first {
		d := decide(nil, q.presented, state, q.at, r.limits)
		if d.answer != advance {
			return Grant{}, false, nil
		}
		next = d.row
	} else {
		next, precondition = r.limits.predict(q.presented, state, q.at)
	}
	// The successor is minted before the row is written: a row without a token would be a dead end.
	successor, err := r.mint(q, next)
	if err != nil {
		return Grant{}, false, err
	}
	if first {
		done, err = r.store.Adopt(ctx, next)
	} else {
		done, err = r.store.Advance(ctx, next, precondition)
	}
	if !done || err != nil {
		return Grant{}, false, err
	}
	if first {
		r.counts.adopted.Add(1)
	} else {
		r.counts.advanced.Add(1)
	}
	return q.grant(successor), true, nil
}

// trust asks the store whether the key of an issuer has signed refresh tokens here, if the decision
// depends on it: the presented token is ahead of its row. issuerKey is empty for a key of our own.
func (r *rotator) trust(
	ctx context.Context, p *presented, issuerKey string, have *Row,
) (err error) {
	if issuerKey != "" && p.aheadOf(have) {
		p.trusted, err = r.store.HasSigned(ctx, issuerKey)
	}
	return err
}

// decideOnRow reads the row, decides, and writes the decision. It returns false if the row was
// changed meanwhile.
func (r *rotator) decideOnRow(ctx context.Context, q *redemption) (_ Grant, done bool, err error) {
	state, err := r.node.Lookup(ctx, q.subject.id, q.subject.identity)
	if err != nil {
		return Grant{}, false, err
	}
	have, err := r.store.Session(ctx, q.subject.id)
	if err != nil {
		return Grant{}, false, err
	}
	if err := r.trust(ctx, &q.presented, q.token.IssuerKey, have); err != nil {
		return Grant{}, false, err
	}
	d := decide(have, q.presented, state, q.at, r.limits)
	successor := token.Minted{Token: q.raw, Expires: q.token.Expires}
	switch d.answer {
	case refuse:
		return Grant{}, true, d.fault
	case reuse:
		return Grant{}, true, r.revokeReused(ctx, q, d.row)
	case same: // the presented token is the answer
		if err := q.from.fits(q.raw); err != nil {
			return Grant{}, false, err
		}
		if err := r.mintAccess(q, d.row); err != nil {
			return Grant{}, false, err
		}
	default:
		if successor, err = r.mint(q, d.row); err != nil {
			return Grant{}, false, err
		}
	}
	if d.write {
		if have == nil {
			done, err = r.store.Adopt(ctx, d.row)
		} else {
			done, err = r.store.Replace(ctx, *have, d.row)
		}
		if !done || err != nil {
			return Grant{}, false, err
		}
	}
	r.count(ctx, q, d, have)
	return q.grant(successor), true, nil
}

func (q *redemption) grant(successor token.Minted) Grant {
	return Grant{
		AccessToken:    q.access.Token,
		Expires:        q.access.Expires,
		RefreshToken:   successor.Token,
		RefreshExpires: successor.Expires,
	}
}

// revokeReused revokes a session whose token was reused, and returns ErrReused. Then the revocation
// is committed and every node knows it. The request's own context is not used: a thief who hangs up
// must not prevent the revocation.
func (r *rotator) revokeReused(ctx context.Context, q *redemption, row Row) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), reuseLimit)
	defer cancel()
	by := Origin{Actor: actorReuse, Reason: "reuse"}
	_, err := r.revoker.RevokeSession(ctx, row.ID, row.Identity, by)
	r.audit.Record(ctx, reuseEvent(q, row, err))
	if err != nil {
		return err
	}
	r.counts.reused.Add(1)
	return ErrReused
}
