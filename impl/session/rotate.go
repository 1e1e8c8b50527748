package session

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strconv"
	"time"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/token"
)

// Rotation makes every refresh give a new refresh token too.
type Rotation struct {
	Sessions  Sessions
	Directory Directory
	// Window is for how long after a rotation the tokens before and after it may be presented again without harm.
	Window time.Duration
	// IdleLifetime ends a session this long after its last use, SessionLifetime this long after its start; 0: never, and when the
	// login's token expires.
	IdleLifetime, SessionLifetime time.Duration
}

// ErrNoRotation means that there is nothing to be listed or ended by name: sessions have rows in rotation mode alone.
var ErrNoRotation = errors.New("rotation is off")

// CheckKeys refuses keys that rotation cannot work with: each of ours that signs now, or will once others may not, must sign the
// same thing the same way each time, or a successor that was lost could not be minted again.
func CheckKeys(set *jwk.Set, now time.Time) error {
	moments := []int64{now.Unix()}
	for _, k := range set.All() {
		moments = append(moments, k.NotBefore(), k.Expires())
	}
	for _, at := range moments {
		if at < now.Unix() {
			continue
		}
		if k := set.Active(time.Unix(at, 0)); k != nil && !k.Reproducible() {
			return fmt.Errorf("rotation needs a key that signs reproducibly (HS256, HS384, HS512, RS256, RS384, RS512 or EdDSA), "+
				"and the key %q is for %s", k.ID(), k.Algorithm())
		}
	}
	return nil
}

// rotator redeems refresh tokens in rotation mode.
type rotator struct {
	Rotation
	limits  limits
	node    *Node
	revoker *Revoker
	keys    jwk.Source
	minter  *token.Minter
	log     *slog.Logger
	counts  counts
}

func newRotator(c Config, s *Service) *rotator {
	return &rotator{
		Rotation: *c.Rotation, node: s.node, revoker: s.Revoker, keys: c.Keys, minter: s.minter, log: c.Log,
		limits: limits{
			window: c.Rotation.Window.Milliseconds(), idle: c.Rotation.IdleLifetime.Milliseconds(),
			session: c.Rotation.SessionLifetime.Milliseconds(), max: c.Rules.MaxLifetime.Milliseconds(),
		},
	}
}

// redemption is one refresh under way.
type redemption struct {
	raw    string
	t      *token.Token
	life   time.Duration
	from   Client
	now    time.Time
	p      presented
	at     moment
	access token.Minted
}

// redeem redeems a genuine refresh token that has not expired.
func (r *rotator) redeem(ctx context.Context, raw string, t *token.Token, life time.Duration, from Client, now time.Time) (Grant, error) {
	active := r.keys.Keys().Active(now)
	if active == nil {
		return Grant{}, token.ErrNoSigningKey
	}
	q := &redemption{raw: raw, t: t, life: life, from: from, now: now, p: present(t)}
	q.at = moment{now: now.UnixMilli(), key: active.ID(), userAgent: shortened(from.UserAgent)}
	var err error
	if q.access, err = r.minter.Access(t, q.p.Session.String(), life, now); err != nil {
		return Grant{}, fmt.Errorf("mint access token: %w", err)
	}
	grant, done, err := r.first(ctx, q)
	if done || err != nil {
		return grant, err
	}
	return r.settle(ctx, q)
}

// first is the common case in one statement: a login's token that was not seen before, or the newest token of its session.
func (r *rotator) first(ctx context.Context, q *redemption) (_ Grant, done bool, err error) {
	standing, err := r.node.standing(ctx, q.p.Subject)
	if err != nil || standing.Revoked {
		return Grant{}, false, err
	}
	var next Row
	var write func() (bool, error)
	if q.p.Generation == 0 {
		d := decide(nil, q.p, standing, q.at, r.limits)
		if d.answer != advance {
			return Grant{}, false, nil
		}
		next, write = d.row, func() (bool, error) { return r.Sessions.Adopt(ctx, d.row) }
	} else {
		var guard Guard
		next, guard = r.guess(q, standing)
		write = func() (bool, error) { return r.Sessions.Advance(ctx, next, guard) }
	}
	successor, err := r.successor(q, next)
	if err != nil {
		return Grant{}, false, err
	}
	if done, err = write(); !done || err != nil {
		return Grant{}, false, err
	}
	r.counts.advanced(q.p.Generation == 0)
	return q.grant(successor), true, nil
}

// guess is what becomes of a session whose newest token is presented, and under which conditions. The row is not read for it:
// where no idle lifetime is set, exp stays as it is in the token; else the idle lifetime is taken to end the successor first.
func (r *rotator) guess(q *redemption, s Standing) (Row, Guard) {
	g := Guard{RotatedUntil: q.at.now - r.limits.window, EndsUntil: math.MaxInt64}
	if s.HasCutoff {
		g.StartedFrom = (s.Cutoff + 1) * 1000
	}
	ends := int64(math.MaxInt64)
	if r.limits.idle == 0 {
		ends = q.p.Expires * 1000
		g.EndsUntil = ends
	}
	row := Row{ID: q.p.Session, Identity: q.p.Identity, Generation: q.p.Generation, EndsAt: ends}
	next := r.limits.advanced(row, q.at)
	g.EndsFrom = next.ExpiresAt
	return next, g
}

const (
	// settleTries is how often a row may change under one refresh. Each time another one has got further.
	settleTries = 16
	// reuseLimit bounds the revocation of a session whose token was reused, which does not end with the request.
	reuseLimit = 4 * LeaseTerm
)

// settle reads the row, decides, and writes what was decided, unless the row has changed meanwhile.
func (r *rotator) settle(ctx context.Context, q *redemption) (Grant, error) {
	for range settleTries {
		standing, err := r.node.standing(ctx, q.p.Subject)
		if err != nil {
			return Grant{}, err
		}
		have, err := r.Sessions.Session(ctx, q.p.Session)
		if err != nil {
			return Grant{}, err
		}
		grant, done, err := r.apply(ctx, q, have, decide(have, q.p, standing, q.at, r.limits))
		if done || err != nil {
			return grant, err
		}
	}
	return Grant{}, fmt.Errorf("%w: the session is changing all the time", ErrUnavailable)
}

// apply does what was decided; it is not done if the row has changed meanwhile.
func (r *rotator) apply(ctx context.Context, q *redemption, have *Row, d decision) (_ Grant, done bool, err error) {
	switch d.answer {
	case refuse:
		return Grant{}, true, d.fault
	case reuse:
		return Grant{}, true, r.end(ctx, q, d.row)
	}
	successor := token.Minted{Token: q.raw, Expires: q.t.Expires}
	if d.answer != same {
		if successor, err = r.successor(q, d.row); err != nil {
			return Grant{}, false, err
		}
	}
	if d.write {
		if done, err = r.write(ctx, have, d.row); !done || err != nil {
			return Grant{}, false, err
		}
	}
	r.note(q, d, have)
	return q.grant(successor), true, nil
}

func (r *rotator) write(ctx context.Context, have *Row, next Row) (bool, error) {
	if have == nil {
		return r.Sessions.Adopt(ctx, next)
	}
	return r.Sessions.Replace(ctx, *have, next)
}

// successor mints the newest token of the row; every time the same.
func (r *rotator) successor(q *redemption, row Row) (token.Minted, error) {
	m, err := r.minter.Refresh(q.t, token.Successor{
		Session: row.ID.String(), Generation: row.Generation, IssuedAt: row.RotatedAt / 1000, Expires: row.ExpiresAt / 1000,
		ID: tokenID(row.ID, row.Generation), KeyID: row.KeyID, Now: q.now.Unix(),
	})
	if err != nil {
		return m, fmt.Errorf("mint refresh token: %w", err)
	}
	return m, nil
}

// tokenID is the jti of a refresh token of ours.
func tokenID(id ID, generation int64) string {
	sum := sha256.Sum256(strconv.AppendInt(slices.Clone(id[:]), generation, 10))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

func (q *redemption) grant(successor token.Minted) Grant {
	return Grant{AccessToken: q.access.Token, Expires: q.access.Expires, RefreshToken: successor.Token}
}

// end ends a session whose token was reused. The revocation is committed, and all nodes know it, before the answer leaves; a
// thief who hangs up does not prevent it.
func (r *rotator) end(ctx context.Context, q *redemption, row Row) error {
	attrs := []slog.Attr{
		slog.String("session", row.ID.String()), slog.String("identity", row.Identity),
		slog.Int64("presented", q.p.Generation), slog.Int64("current", row.Generation), slog.String("client", q.from.Address),
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), reuseLimit)
	defer cancel()
	if _, err := r.revoker.EndSession(ctx, row.ID, row.Identity, "reuse"); err != nil {
		r.log.LogAttrs(ctx, slog.LevelError, "audit: a refresh token was reused, and its session could not be ended",
			append(attrs, slog.Any("error", err))...)
		return err
	}
	r.counts.reused.Add(1)
	r.log.LogAttrs(ctx, slog.LevelWarn, "audit: a refresh token was reused: its session is ended", attrs...)
	return ErrReused
}
