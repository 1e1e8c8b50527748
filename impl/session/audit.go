package session

import (
	"context"
	"errors"

	"kalsel.dev/refresh/impl/audit"
	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/token"
)

// Auditor receives the events that an operator may have to explain later.
type Auditor interface {
	Record(ctx context.Context, e audit.Event)
}

// noAudit drops all events.
type noAudit struct{}

// Record implements Auditor.
func (noAudit) Record(context.Context, audit.Event) {}

// Causes of refused refreshes that no fault has of its own.
const (
	causeEarly           = "early"            // valid in a moment
	causeExpired         = "expired"          // the token's own exp
	causeIdle            = "idle_lifetime"    // Rotation.IdleLifetime
	causeSessionLifetime = "session_lifetime" // Rotation.SessionLifetime
	causeRevoked         = "revoked"          // the session
	causeEverywhere      = "signed_out_everywhere"
)

// causeOf returns the word for a fault in audit lines. ok is false if err is no fault.
func causeOf(err error) (cause string, ok bool) {
	var fault token.Fault
	if !errors.As(err, &fault) {
		return "", false
	}
	switch fault {
	case token.ErrMalformed:
		return "malformed", true
	case token.ErrCritical:
		return "extension", true
	case token.ErrAlgorithm:
		return "algorithm", true
	case token.ErrUnknownKey:
		return "unknown_key", true
	case token.ErrSignature:
		return "signature", true
	case token.ErrIssuer:
		return "issuer", true
	case token.ErrAudience:
		return "audience", true
	case token.ErrNotRefresh:
		return "not_refresh_token", true
	case token.ErrBound:
		return "bound_to_key", true
	case token.ErrNoIdentity:
		return "no_identity", true
	case token.ErrNoExpiry:
		return "no_expiry", true
	case token.ErrLifetime:
		return "max_lifetime", true
	case token.ErrTooLong, errCookieTooLong:
		return "too_long", true
	case token.ErrNotYet:
		return "not_yet_valid", true
	case token.ErrExpired:
		return causeExpired, true
	case ErrRevoked:
		return causeRevoked, true
	case ErrUndated:
		return "undated", true
	case ErrReused:
		return "reused", true
	case ErrAhead:
		return "ahead_of_session", true
	case errForeign:
		return "foreign_session", true
	case errOtherClient:
		return "other_client", true
	case ErrNotAllowed:
		return "not_allowed", true
	case ErrIdentityGone:
		return "identity_gone", true
	}
	return "other", true
}

// refused reports a refresh that failed with err, and returns err with its hint. t is the token, or
// nil if its signature did not hold.
func (s *Service) refused(ctx context.Context, t *token.Token, err error) error {
	e := audit.Event{Name: audit.RefreshRefused, Detail: err.Error()}
	cause, isFault := causeOf(err)
	early, isEarly := errors.AsType[*token.Early](err)
	switch {
	case isFault:
		e.Cause = cause
	case isEarly:
		e.Name, e.Cause, e.Detail = audit.RefreshDelayed, causeEarly, early.Error()
	default:
		return err // the token may be right; the request's log line has the error
	}
	if rejection, ok := errors.AsType[*token.Rejection](err); ok && t == nil {
		t = rejection.Token
	}
	if t != nil {
		e.Session, e.Identity = IDOf(t).String(), t.Identity
		e.Generation, e.HasGeneration = generationOf(t), true
		e.Complete = s.completion(t, err)
	}
	s.audit.Record(ctx, e)
	return s.withHint(err)
}

// completion returns the function that reads from the store why a session has ended, or nil if the
// token alone tells it.
func (s *Service) completion(t *token.Token, err error) func(context.Context, *audit.Event) {
	isExpired := errors.Is(err, token.ErrExpired)
	isRevoked := errors.Is(err, ErrRevoked) || errors.Is(err, ErrUndated)
	if !isRevoked && (!isExpired || s.rotator == nil) {
		return nil
	}
	id := IDOf(t)
	return func(ctx context.Context, e *audit.Event) {
		if isExpired {
			if row, err := s.store.Session(ctx, id); err == nil {
				e.Cause = s.rotator.limits.expiryCause(t, row)
			}
			return
		}
		ofSession, ofIdentity, err := s.store.RevocationsOf(ctx, id, t.Identity)
		switch {
		case err != nil: // the line says no more than the answer
		case ofSession != nil:
			e.Actor, e.Reason = ofSession.Actor, ofSession.Reason
		case ofIdentity != nil && e.Cause == causeRevoked:
			e.Cause, e.Actor, e.Reason = causeEverywhere, ofIdentity.Actor, ofIdentity.Reason
		case ofIdentity != nil:
			e.Actor, e.Reason = ofIdentity.Actor, ofIdentity.Reason
		}
	}
}

// revocationEvent is the event of a revocation that was made, of which inForce is now in force.
func revocationEvent(made, inForce revocation.Revocation) audit.Event {
	e := audit.Event{
		Name:     audit.Revocation,
		Cause:    "session",
		Identity: made.Identity,
		Actor:    made.Actor,
		Reason:   made.Reason,
	}
	if made.Kind == revocation.OfIdentity {
		e.Cause = "identity"
	} else {
		e.Session = made.Session.String()
	}
	if inForce.RevokedAt != made.RevokedAt {
		e.Cause = audit.RevokedAlready
	}
	return e
}

// lateReplayEvent is the event of a token that was presented again after the window.
func lateReplayEvent(q *redemption, row Row) audit.Event {
	return audit.Event{
		Name:          audit.LateReplay,
		Session:       row.ID.String(),
		Identity:      row.Identity,
		Generation:    q.generation,
		HasGeneration: true,
		Detail:        "the answer with its successor was lost, or a copy of the token is in use",
	}
}

// reuseEvent is the event of a token whose successor was used. err is the error of the revocation
// of its session.
func reuseEvent(q *redemption, row Row, err error) audit.Event {
	e := lateReplayEvent(q, row)
	e.Name, e.Cause, e.Detail = audit.Reuse, "revoked", "the session is revoked"
	if err != nil {
		e.Cause = "not_revoked"
		e.Detail = "the session could not be revoked; the next use of the token tries again: " +
			err.Error()
	}
	return e
}
