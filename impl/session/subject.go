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

// subjectOf returns the subject of a refresh token whose session has no row at hand. The token of a
// later generation does not tell when its session started: if its identity has a cut-off, it is
// rejected.
func subjectOf(t *token.Token) subject {
	s := subject{id: IDOf(t), identity: t.Identity}
	if !t.Own {
		s.started, s.hasStarted = t.Issued()
		s.undated = !s.hasStarted
	}
	return s
}

// subjectOfAccess returns the subject of an access token.
func subjectOfAccess(t *token.Token) subject {
	return subject{
		id:         IDOfAccess(t),
		identity:   t.Identity,
		started:    t.IssuedAt,
		hasStarted: t.HasIssuedAt,
		undated:    !t.HasIssuedAt,
	}
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
