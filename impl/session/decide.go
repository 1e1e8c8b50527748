package session

import (
	"time"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/token"
)

// More reasons to reject a token.
const (
	// ErrReused: the token's successor was used already. The session is revoked.
	ErrReused token.Fault = "token was reused: the session is revoked"
	// ErrAhead: the store does not know that the session got so far, and the token's key is a login
	// service's. Only a key that signs here, or has signed here, is proof.
	ErrAhead token.Fault = "token is ahead of its session, and this server never signed with its key"
	// errForeign: the session that the token names belongs to another identity.
	errForeign token.Fault = "token is not of its session"
)

// clockError is revocation.ErrClock with the time after which this server's clock has come so far.
type clockError struct{ wait time.Duration }

func (*clockError) Error() string { return revocation.ErrClock.Error() }
func (*clockError) Unwrap() error { return revocation.ErrClock }

// RetryAfter returns how long the caller should wait: a minute at most, because the clock may be
// set right at any time.
func (e *clockError) RetryAfter() time.Duration { return min(e.wait, time.Minute) }

// answer is a row of the decision table of docs/decisions/0006-rotation.md.
type answer uint8

const (
	refuse    answer = iota // with the decision's fault; the row stays as it is
	advance                 // d = 0, older than the window: the session moves on; the successor
	same                    // d = 0, inside the window: the token itself, which is now acknowledged
	again                   // d = 1, inside the window: the same successor again
	againLate               // d = 1, later, successor never used: the same successor again
	reuse                   // d = 1, later, successor used; or d >= 2: the session has to be revoked
)

// presented is the part of a genuine refresh token that the decision needs.
type presented struct {
	subject    subject
	generation int64  // 0: a login's token
	issuedAt   int64  // Unix seconds
	expires    int64  // Unix seconds
	started    int64  // Unix seconds: when the session started, as a token of ours tells it
	keyID      string // of the key that verified it
	trusted    bool   // that key signs refresh tokens here, or has signed some
}

// aheadOf reports that the session got further than its row says, or has no row although the token
// is one of ours: the store was restored.
func (p *presented) aheadOf(have *Row) bool {
	return p.generation > 0 && (have == nil || have.Generation < p.generation)
}

// present describes a verified token.
func present(t *token.Token) presented {
	started := t.IssuedAt
	if t.Own && t.HasAuthTime {
		started = t.AuthTime
	}
	return presented{
		started:    started,
		subject:    subjectOf(t),
		generation: generationOf(t),
		issuedAt:   t.IssuedAt,
		expires:    t.Expires,
		keyID:      t.KeyID,
		trusted:    t.IssuerKey == "",
	}
}

// moment is when and by which client a token is presented.
type moment struct {
	now       int64  // Unix milliseconds
	key       string // ID of the key that signs now
	userAgent string
}

// decision says how a token is answered.
type decision struct {
	answer answer
	fault  error
	healed bool // the row was behind the token, or gone: the store was restored
	row    Row  // the row as it is to be
	write  bool // row differs from the row that was read
}

// decide is the decision table. It is a pure function of the session's row (nil: none), the token,
// the state of revocations, and the time. If a row is to be written, the next decision reads that
// row.
func decide(have *Row, p presented, state revocation.State, m moment, l limits) decision {
	if m.now >= p.expires*1000 {
		return refused(token.ErrExpired)
	}
	if have != nil && have.Identity != p.subject.identity {
		return refused(errForeign)
	}
	var row Row
	healed := p.aheadOf(have)
	switch {
	case healed && !p.trusted:
		return refused(ErrAhead)
	case healed:
		row = restored(have, p)
	case have == nil:
		row = l.adopted(p, m)
	default:
		row = *have
	}
	if m.now >= row.ExpiresAt {
		return refused(token.ErrExpired)
	}
	s := p.subject
	if have != nil {
		// The row tells when the session started.
		s = subject{id: have.ID, identity: have.Identity, started: have.StartedAt / 1000, hasStarted: true}
	}
	if fault := s.rejection(state); fault != nil {
		return refused(fault)
	}
	if l.skew > 0 && row.RotatedAt-m.now > l.skew {
		return refused(&clockError{wait: time.Duration(row.RotatedAt-m.now-l.skew) * time.Millisecond})
	}
	d := l.answer(row, p, m)
	d.healed, d.write = healed, have == nil || d.row != *have
	return d
}

func refused(fault error) decision { return decision{answer: refuse, fault: fault} }

// answer is the part of the table that compares generations.
func (l limits) answer(row Row, p presented, m moment) decision {
	inside := m.now-row.RotatedAt < l.window
	switch behind := row.Generation - p.generation; {
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
