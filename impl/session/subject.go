package session

import (
	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/token"
)

// Reasons to reject a token of a session.
const (
	// ErrRevoked: the session is revoked, or it started no later than the cut-off of its identity.
	ErrRevoked token.Fault = "token is revoked"
	// ErrUndated: the identity has a cut-off, and the time at which the token was issued is not
	// known.
	ErrUndated token.Fault = "token is revoked: it has no iat and so counts as older than the sign-out of its identity"
)

// subject is the session and identity that revocations are looked up for, and the time at which the
// session started.
type subject struct {
	id         revocation.SessionID // zero: unknown, only the identity counts
	identity   string
	started    int64 // Unix seconds
	hasStarted bool
	undated    bool // the token has no iat, and Rules.TokenLifetime is not set
}

// subjectOf returns the subject of a refresh token whose session has no row at hand. If the token of
// a later generation does not tell when its session started, and its identity has a cut-off, it is
// rejected.
func subjectOf(t *token.Token) subject {
	s := subject{id: IDOf(t), identity: t.Identity}
	if t.Own {
		s.started, s.hasStarted = t.AuthTime, t.HasAuthTime
		return s
	}
	s.started, s.hasStarted = t.Issued()
	s.undated = !s.hasStarted
	return s
}

// subjectOfAccess returns the subject of an access token. If the token names its session, the start
// of the session counts, because a refresh during a sign-out must not outlive it. Its iat counts
// too: if the clock of the login is ahead, a session seems to start after its first refresh.
func subjectOfAccess(t *token.Token) subject {
	s := subject{
		id:         IDOfAccess(t),
		identity:   t.Identity,
		started:    t.IssuedAt,
		hasStarted: t.HasIssuedAt,
		undated:    !t.HasIssuedAt,
	}
	if s.id != (revocation.SessionID{}) && t.HasAuthTime && s.hasStarted {
		s.started = min(s.started, t.AuthTime)
	}
	return s
}

// RejectionOfAccess returns why a verified access token is not acceptable in a state of revocations:
// ErrRevoked or ErrUndated. It returns nil if the token is acceptable.
func RejectionOfAccess(t *token.Token, state revocation.State) error {
	return subjectOfAccess(t).rejection(state)
}

// rejected reports that the state says that the subject is revoked.
func (s subject) rejected(state revocation.State) bool { return s.rejection(state) != nil }

// rejection returns ErrRevoked or ErrUndated if the state says that the subject is revoked. If the
// session started in the very second of the cut-off, it is rejected: the order within a second is
// not known.
func (s subject) rejection(state revocation.State) error {
	switch {
	case state.Revoked:
		return ErrRevoked
	case !state.HasCutoff:
		return nil
	case s.undated:
		return ErrUndated
	case !s.hasStarted || s.started <= state.Cutoff:
		return ErrRevoked
	}
	return nil
}
