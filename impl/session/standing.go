package session

import (
	"context"
	"errors"

	"kalsel.dev/refresh/impl/token"
)

// ErrUnavailable means that the store is away, full or too slow: whoever asked may try again. Nothing is known about what
// was asked, and nothing that was acknowledged is lost.
var ErrUnavailable = errors.New("the session store is not available")

// ErrKeysUnavailable means that the keys of the login service are not known or may be out of date, and that the token names one that
// is not among those known: whoever asked may try again.
var ErrKeysUnavailable = errors.New("the keys of the login service are not available")

// Why a session is refused.
const (
	// ErrRevoked: the session was ended, or started no later than the cut-off of its identity.
	ErrRevoked token.Fault = "token is revoked"
	// ErrUndated: the identity has a cut-off, and nothing tells when the token was issued.
	ErrUndated token.Fault = "token is revoked: it has no iat and so counts as older than the sign-out of its identity; " +
		"the setting REFRESH_TOKEN_LIFETIME would tell when it was issued"
)

// Subject is whom revocations are looked up for.
type Subject struct {
	Session    ID // zero: none, only the identity counts
	Identity   string
	Started    int64 // Unix seconds
	HasStarted bool
	dateless   bool // the token has no iat, and no setting stands in
}

// SubjectOf returns the subject of a refresh token that no row of a session is at hand for. A token that was itself the
// product of a refresh does not tell when its session started: with a cut-off for its identity it is refused.
func SubjectOf(t *token.Token) Subject {
	s := Subject{Session: IDOf(t), Identity: t.Identity}
	if _, own := ownID(t); own && t.Generation >= 1 {
		return s
	}
	s.Started, s.HasStarted = t.Issued()
	s.dateless = !s.HasStarted
	return s
}

// SubjectOfAccess returns the subject of an access token. Its session is known when we minted it in rotation mode.
func SubjectOfAccess(t *token.Token) Subject {
	s := Subject{Identity: t.Identity, dateless: !t.HasIssuedAt, Started: t.IssuedAt, HasStarted: t.HasIssuedAt}
	s.Session, _ = ownID(t)
	return s
}

// Standing is what the store says about a subject.
type Standing struct {
	Revoked   bool
	Cutoff    int64 // Unix seconds
	HasCutoff bool
}

// fault is the rule for cut-offs and revocations, as a pure function. A session that started in the very second of the cut-off
// is refused: within a second nobody knows which came first.
func (s Standing) fault(of Subject) error {
	switch {
	case s.Revoked:
		return ErrRevoked
	case !s.HasCutoff:
		return nil
	case of.dateless:
		return ErrUndated
	case !of.HasStarted || of.Started <= s.Cutoff:
		return ErrRevoked
	}
	return nil
}

// Refuse says why a token of the subject must not be redeemed: ErrRevoked, ErrUndated, ErrUnavailable, or nil if it may. While
// the node has a live lease it answers from memory, and does no I/O.
func (n *Node) Refuse(ctx context.Context, of Subject) error {
	s, err := n.standing(ctx, of)
	if err != nil {
		return err
	}
	return s.fault(of)
}

// refuse is Refuse for a refresh token.
func (n *Node) refuse(ctx context.Context, t *token.Token) error {
	// Asked once before the lease, to be quick, and once after it, to be right: see standing.
	if !n.known.any.Load() && n.live() && !n.known.any.Load() {
		return nil
	}
	return n.Refuse(ctx, SubjectOf(t))
}

func (n *Node) live() bool { return n.term.Load().live(n.clock.Now()) }

// standing returns what is known about the subject.
func (n *Node) standing(ctx context.Context, of Subject) (Standing, error) {
	// The lease first, then the memory: the other way round the look at memory might be older than the lease.
	if n.live() {
		return n.known.standing(of), nil
	}
	s, err := n.feed.Standing(ctx, of.Session, of.Identity)
	if err != nil {
		return s, err
	}
	// The memory may still know what a restored store forgot.
	known := n.known.standing(of)
	s.Revoked = s.Revoked || known.Revoked
	if known.HasCutoff && (!s.HasCutoff || known.Cutoff > s.Cutoff) {
		s.Cutoff, s.HasCutoff = known.Cutoff, true
	}
	return s, nil
}
