package session

import (
	"math"
	"time"

	"kalsel.dev/refresh/impl/revocation"
)

// limits are the settings of rotation, in milliseconds. 0 is no limit, except for window and skew.
type limits struct {
	// window is how long after a rotation its two tokens may be presented again: the configured
	// window and skew. A node whose clock is ahead by skew then still grants the configured window.
	window int64
	// skew is by how much the clocks of two nodes may differ. If it is 0, they are not compared.
	skew               int64
	idle, session, max int64
}

// limitsOf returns the limits of the settings, or none if rotation is off.
func limitsOf(r *Rotation, skew, most time.Duration) limits {
	if r == nil {
		return limits{}
	}
	return limits{
		window:  (r.Window + skew).Milliseconds(),
		skew:    skew.Milliseconds(),
		idle:    r.IdleLifetime.Milliseconds(),
		session: r.SessionLifetime.Milliseconds(),
		max:     most.Milliseconds(),
	}
}

// advanced returns the row one generation later.
func (l limits) advanced(r Row, m moment) Row {
	r.Generation++
	r.RotatedAt, r.LastUsedAt = m.now, m.now
	r.KeyID, r.UserAgent = m.key, m.userAgent
	r.Acknowledged = false
	r.ExpiresAt = l.expiry(r.EndsAt, m.now)
	return r
}

// expiry returns the exp of a token that is minted now. The verifier limits a token's life from its
// iat.
func (l limits) expiry(ends, now int64) int64 {
	for _, most := range []int64{l.idle, l.max} {
		if most > 0 {
			ends = min(ends, wholeSeconds(now+most))
		}
	}
	return ends
}

// adopted returns the row of a login's token that was not seen before, as of before this refresh.
func (l limits) adopted(p presented, m moment) Row {
	r := Row{ID: p.subject.id, Identity: p.subject.identity, StartedAt: m.now, EndsAt: p.expires * 1000}
	if p.subject.hasStarted {
		r.StartedAt = min(p.subject.started*1000, m.now)
	}
	if l.session > 0 {
		r.EndsAt = wholeSeconds(r.StartedAt + l.session)
	}
	r.ExpiresAt = r.EndsAt
	r.KeptUntil = rowKeptUntil(r.EndsAt, p.expires*1000)
	// So long ago that the token is older than the window.
	r.RotatedAt = r.StartedAt - l.window
	return r
}

// restored returns the row that the store lost, as far as the token tells it.
func restored(have *Row, p presented) Row {
	r := Row{ID: p.subject.id, Identity: p.subject.identity, StartedAt: p.started * 1000}
	if have != nil {
		r = *have
	}
	r.Generation, r.RotatedAt, r.KeyID, r.Acknowledged = p.generation, p.issuedAt*1000, p.keyID, true
	r.ExpiresAt = p.expires * 1000
	r.EndsAt = max(r.EndsAt, r.ExpiresAt)
	r.KeptUntil = max(r.KeptUntil, rowKeptUntil(r.EndsAt, r.ExpiresAt))
	r.LastUsedAt = max(r.LastUsedAt, r.RotatedAt)
	return r
}

func wholeSeconds(ms int64) int64 { return ms / 1000 * 1000 }

// predict returns the row that follows if the newest token of a session is presented, and the
// precondition under which that is right. The row itself is not read: without an idle lifetime the
// successor's exp is the presented token's, and with one the idle lifetime is taken to come first.
func (l limits) predict(p presented, state revocation.State, at moment) (Row, Precondition) {
	pre := Precondition{RotatedUntil: at.now - l.window, EndsUntil: math.MaxInt64}
	if state.HasCutoff {
		pre.StartedFrom = (state.Cutoff + 1) * 1000
	}
	row := Row{
		ID:         p.subject.id,
		Identity:   p.subject.identity,
		StartedAt:  p.started * 1000,
		Generation: p.generation,
		EndsAt:     math.MaxInt64,
	}
	if l.idle == 0 {
		row.EndsAt = p.expires * 1000
		pre.EndsUntil = row.EndsAt
	}
	next := l.advanced(row, at)
	pre.EndsFrom = next.ExpiresAt
	return next, pre
}
