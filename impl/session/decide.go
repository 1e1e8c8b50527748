package session

import (
	"kalsel.dev/refresh/impl/token"
)

// More reasons why a session is refused.
const (
	// ErrReused: a token was presented that has a successor which was used. Its session has ended.
	ErrReused token.Fault = "token was reused: the session is revoked"
	// ErrForeign: the session that the token names is another identity's.
	ErrForeign token.Fault = "token is not of its session"
)

// answer is a row of the decision table of docs/decisions/0006-rotation.md.
type answer uint8

const (
	refuse    answer = iota // with the decision's fault; the state stays as it is
	advance                 // d = 0, older than the window: the session moves on, and the successor is the answer
	same                    // d = 0, inside the window: the token itself; it is acknowledged
	again                   // d = 1, inside the window: the same successor again
	againLate               // d = 1, later, successor never used: the same successor again
	reuse                   // d = 1, later, successor was used; or d >= 2: the session is to be ended
)

// presented is what the decision needs to know of a genuine refresh token.
type presented struct {
	Subject
	Generation int64  // 0 for a login's token
	IssuedAt   int64  // Unix seconds
	Expires    int64  // Unix seconds
	KeyID      string // of the key that verified it
}

// present describes a verified token.
func present(t *token.Token) presented {
	return presented{
		Subject: SubjectOf(t), Generation: generationOf(t), IssuedAt: t.IssuedAt, Expires: t.Expires, KeyID: t.KeyID,
	}
}

// moment is when and how a token is presented.
type moment struct {
	now       int64 // Unix milliseconds
	key       string
	userAgent string
}

// limits are the settings of rotation, in milliseconds; 0 is none, but for the window.
type limits struct{ window, idle, session, max int64 }

// decision is what is to be done about a token.
type decision struct {
	answer answer
	fault  error
	healed bool // the row was behind the token, or gone: the store was restored
	row    Row  // as it is to be
	write  bool // row differs from what was read
}

// decide is the decision table: a pure function of the session's row (nil: none), the token, what is known of revocations,
// and the time. A row that is to be written is what the next decision reads.
func decide(have *Row, p presented, s Standing, m moment, l limits) decision {
	if m.now >= p.Expires*1000 {
		return refused(token.ErrExpired)
	}
	if have != nil && have.Identity != p.Identity {
		return refused(ErrForeign)
	}
	var row Row
	healed := false
	switch {
	case have == nil && p.Generation == 0:
		row = l.adopted(p, m)
	case have == nil || have.Generation < p.Generation:
		row, healed = restored(have, p), true
	default:
		row = *have
	}
	if m.now >= row.ExpiresAt {
		return refused(token.ErrExpired)
	}
	if fault := s.fault(subjectOf(have, p)); fault != nil {
		return refused(fault)
	}
	d := l.answer(row, p, m)
	d.healed, d.write = healed, have == nil || d.row != *have
	return d
}

func refused(fault error) decision { return decision{answer: refuse, fault: fault} }

// subjectOf is whom revocations are looked up for: the row tells when the session started.
func subjectOf(have *Row, p presented) Subject {
	if have == nil {
		return p.Subject
	}
	return Subject{Session: have.ID, Identity: have.Identity, Started: have.StartedAt / 1000, HasStarted: true}
}

// answer is the part of the table that is about generations.
func (l limits) answer(row Row, p presented, m moment) decision {
	inside := m.now-row.RotatedAt < l.window
	switch behind := row.Generation - p.Generation; {
	case behind == 0 && !inside:
		return decision{answer: advance, row: l.advanced(row, m)}
	case behind == 0 && row.Acknowledged:
		return decision{answer: same, row: row}
	case behind == 0:
		row.Acknowledged, row.LastUsedAt, row.UserAgent = true, m.now, m.userAgent
		return decision{answer: same, row: row}
	case behind == 1 && inside:
		return decision{answer: again, row: row}
	case behind == 1 && !row.Acknowledged:
		row.LastUsedAt, row.UserAgent = m.now, m.userAgent
		return decision{answer: againLate, row: row}
	}
	return decision{answer: reuse, row: row}
}

// advanced is the row one generation on.
func (l limits) advanced(r Row, m moment) Row {
	r.Generation++
	r.RotatedAt, r.LastUsedAt = m.now, m.now
	r.KeyID, r.UserAgent = m.key, m.userAgent
	r.Acknowledged = false
	r.ExpiresAt = l.expiry(r.EndsAt, m.now)
	return r
}

// expiry is the exp of a token that is minted now. The verifier's own limit of a token's life counts from its iat.
func (l limits) expiry(ends, now int64) int64 {
	for _, most := range []int64{l.idle, l.max} {
		if most > 0 {
			ends = min(ends, wholeSeconds(now+most))
		}
	}
	return ends
}

// adopted is the row of a login's token that was not seen before, as it was before this first refresh.
func (l limits) adopted(p presented, m moment) Row {
	r := Row{ID: p.Session, Identity: p.Identity, StartedAt: m.now, EndsAt: p.Expires * 1000}
	if p.HasStarted {
		r.StartedAt = min(p.Started*1000, m.now)
	}
	if l.session > 0 {
		r.EndsAt = wholeSeconds(r.StartedAt + l.session)
	}
	r.ExpiresAt = r.EndsAt
	r.KeptUntil = max(r.EndsAt, p.Expires*1000) + keptAfterExpiry
	// Long ago, so that whatever the window is, the token is older.
	r.RotatedAt = r.StartedAt - l.window
	return r
}

// restored is the row that the store lost, as far as the token tells.
func restored(have *Row, p presented) Row {
	r := Row{ID: p.Session, Identity: p.Identity, StartedAt: p.IssuedAt * 1000}
	if have != nil {
		r = *have
	}
	r.Generation, r.RotatedAt, r.KeyID, r.Acknowledged = p.Generation, p.IssuedAt*1000, p.KeyID, true
	r.ExpiresAt = p.Expires * 1000
	r.EndsAt = max(r.EndsAt, r.ExpiresAt)
	r.KeptUntil = max(r.KeptUntil, r.EndsAt+keptAfterExpiry)
	r.LastUsedAt = max(r.LastUsedAt, r.RotatedAt)
	return r
}

func wholeSeconds(ms int64) int64 { return ms / 1000 * 1000 }
