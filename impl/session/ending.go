package session

import (
	"context"
	"time"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/token"
)

// describeStore is the part of the store that Describe reads.
type describeStore interface {
	// RevocationsOf returns the revocations in the store of a session, and of an identity. Each is
	// nil if there is none.
	RevocationsOf(
		ctx context.Context, id revocation.SessionID, identity string,
	) (ofSession, ofIdentity *revocation.Revocation, err error)
	// Session returns a session's row, or nil if there is none.
	Session(ctx context.Context, id revocation.SessionID) (*Row, error)
}

// Description is the state of a session, and the cause of its end.
type Description struct {
	ID       revocation.SessionID
	Identity string // empty if nothing tells it
	Row      *Row   // nil: the store has none
	// Cause says why the session has ended, in the words of the audit stream. It is empty if
	// nothing in the store has ended it.
	Cause string
	// Revoked says that a revocation ended it.
	Revoked bool
	// EndedAt is when, in Unix milliseconds.
	EndedAt int64
	By      Origin // of the revocation, if that is the cause
}

// Describe returns the description of a session at now. t is a token of the session, or
// nil; rotation is nil if the servers have it off.
func Describe(
	ctx context.Context, s describeStore, id revocation.SessionID, t *token.Token,
	rotation *Rotation, now time.Time,
) (Description, error) {
	d := Description{ID: id}
	row, err := s.Session(ctx, id)
	if err != nil {
		return d, err
	}
	d.Row = row
	subject := subject{id: id}
	switch {
	case row != nil:
		d.Identity = row.Identity
		subject.started, subject.hasStarted = row.StartedAt/1000, true
	case t != nil:
		d.Identity = t.Identity
		subject = subjectOf(t)
	}
	ofSession, ofIdentity, err := s.RevocationsOf(ctx, id, d.Identity)
	if err != nil {
		return d, err
	}
	if ofSession != nil {
		if d.Identity == "" {
			d.Identity = ofSession.Identity
		}
		d.Cause, d.EndedAt, d.Revoked = causeRevoked, ofSession.RevokedAt, true
		d.By = Origin{Actor: ofSession.Actor, Reason: ofSession.Reason}
		return d, nil
	}
	if ofIdentity != nil {
		state := revocation.State{HasCutoff: true, Cutoff: ofIdentity.RevokedAt / 1000}
		if subject.rejected(state) {
			d.Cause, d.EndedAt, d.Revoked = causeEverywhere, ofIdentity.RevokedAt, true
			d.By = Origin{Actor: ofIdentity.Actor, Reason: ofIdentity.Reason}
			return d, nil
		}
	}
	switch l := limitsOf(rotation, 0, 0); {
	case row != nil && now.UnixMilli() >= row.ExpiresAt:
		d.Cause, d.EndedAt = l.expiryCauseOf(row, row.ExpiresAt), row.ExpiresAt
	case row == nil && t != nil && now.Unix() >= t.Expires:
		d.Cause, d.EndedAt = l.expiryCause(t, nil), t.Expires*1000
	}
	return d, nil
}

// expiryCause tells which limit made a token expire. row is the row of its session, or nil.
func (l limits) expiryCause(t *token.Token, row *Row) string {
	ends, login := t.Expires*1000, generationOf(t) == 0
	if row == nil {
		started, known := t.Issued()
		life := (t.Expires - t.IssuedAt) * 1000
		switch {
		case login && known && l.session > 0 && started*1000+l.session < ends:
			return causeSessionLifetime
		case !login && l.idle > 0 && l.idle-1000 <= life && life <= l.idle+1000:
			return causeIdle // iat and exp are in whole seconds
		}
		return causeExpired
	}
	if login && ends < row.ExpiresAt {
		return causeExpired
	}
	return l.expiryCauseOf(row, min(ends, row.ExpiresAt))
}

// expiryCauseOf tells which limit made a token of the row expire at ends, in Unix milliseconds.
func (l limits) expiryCauseOf(row *Row, ends int64) string {
	switch {
	case ends < row.EndsAt && l.idle > 0:
		return causeIdle
	case l.session > 0 && row.EndsAt == wholeSeconds(row.StartedAt+l.session):
		return causeSessionLifetime
	}
	return causeExpired
}
