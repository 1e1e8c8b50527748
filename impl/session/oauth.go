package session

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/token"
)

// OAuth is the part of a refresh that only OAuth clients send (RFC 6749, section 6).
type OAuth struct {
	// ClientID is empty if the client does not name itself.
	ClientID string
	// Scope narrows the scope of the access token. If it is empty, the scope stays.
	Scope string
}

// errOtherClient means that the token has the claim client_id or azp, and that the client names
// another ID. It is a check of consistency: a client that names no ID passes.
const errOtherClient token.Fault = "token belongs to another client"

var (
	// ErrScope means that a client asked for a scope that the refresh token does not have.
	ErrScope = errors.New("the scope must be a part of the scope of the refresh token")
	// ErrNoSessionNamed means that a valid access token names no session that could be revoked.
	ErrNoSessionNamed = errors.New("the access token names no session: send the refresh token")
)

// ClientOf returns the client that a token was issued to: its claim client_id, else azp. It returns
// "" if the token has neither.
func ClientOf(t *token.Token) string {
	if id, ok := t.Text("client_id"); ok {
		return id
	}
	id, _ := t.Text("azp")
	return id
}

// isOf returns errOtherClient if the token belongs to another client.
func (o *OAuth) isOf(t *token.Token) error {
	if id := ClientOf(t); o.ClientID != "" && id != "" && id != o.ClientID {
		return errOtherClient
	}
	return nil
}

// granted returns the claims for the access token and their scope: those of the refresh token, with
// a narrower scope if the client asks for one. A refresh token without scope has nothing that could
// be narrowed.
func (o *OAuth) granted(t *token.Token) (_ *token.Token, scope string, _ error) {
	if err := o.isOf(t); err != nil {
		return nil, "", err
	}
	scope, _ = t.Text("scope")
	if o.Scope == "" || scope == "" {
		return t, scope, nil
	}
	whole := strings.Split(scope, " ")
	var asked []string // each once: repetitions would make the access token longer without end
	for one := range strings.SplitSeq(o.Scope, " ") {
		if !slices.Contains(whole, one) {
			return nil, "", ErrScope
		}
		if !slices.Contains(asked, one) {
			asked = append(asked, one)
		}
	}
	scope = strings.Join(asked, " ")
	return t.WithText("scope", scope), scope, nil
}

// RevokeAny revokes the session of a refresh token, as Logout does, or of an access token that
// names a session of this service. It returns nil if the token is no valid token anyway. It returns
// ErrNoSessionNamed for any other valid access token, and a token.Fault if the token belongs to
// another client.
func (s *Service) RevokeAny(ctx context.Context, raw string, from OAuth) error {
	t, err := s.verify(ctx, (*token.Verifier).Refresh, raw, s.now())
	if t != nil {
		if err := from.isOf(t); err != nil {
			return err
		}
		_, err = s.RevokeToken(ctx, t, Origin{Actor: actorClient, Reason: "logout"})
		return err
	}
	// Access tokens may be signed with a secret of their own.
	if !errors.Is(err, token.ErrNotRefresh) && !errors.Is(err, token.ErrSignature) {
		return unlessFault(err)
	}
	t, err = s.verify(ctx, (*token.Verifier).Access, raw, s.now())
	if t == nil || errors.Is(err, token.ErrExpired) {
		return unlessFault(err)
	}
	if err := from.isOf(t); err != nil {
		return err
	}
	return s.revokeNamed(ctx, t)
}

// revokeNamed revokes the session that an access token names. It returns ErrNoSessionNamed if the
// token names none: tokens of the login never do, nor do those that were made in stateless mode
// without AccessSession. In rotation mode the store has to know the session.
func (s *Service) revokeNamed(ctx context.Context, t *token.Token) error {
	id, by := IDOfAccess(t), Origin{Actor: ActorUser + t.Identity, Reason: "logout"}
	if !s.namesSession || id == (revocation.SessionID{}) {
		return ErrNoSessionNamed
	}
	if s.rotator == nil {
		if !t.HasAuthTime {
			return ErrNoSessionNamed
		}
		_, err := s.RevokeSession(ctx, id, t.Identity, by)
		return err
	}
	err := s.RevokeOwn(ctx, id, t.Identity, by)
	if errors.Is(err, ErrNoSession) {
		return ErrNoSessionNamed
	}
	return err
}

// Introspect returns the token if it is valid now, and nil if it is not, or not yet. A refresh
// token is valid only if asksRefresh says that the caller asks about one. An access token can
// always be valid, because a hint must not narrow the search (RFC 7662, section 2.1). isRefresh is
// the kind of the token. Introspect returns an error if the answer is not known:
// ErrKeysUnavailable, revocation.ErrUnavailable or revocation.ErrClock.
func (s *Service) Introspect(
	ctx context.Context, raw string, asksRefresh bool,
) (t *token.Token, isRefresh bool, err error) {
	if asksRefresh {
		if t, err = s.introspectRefresh(ctx, raw); t != nil || err != nil {
			return t, true, err
		}
	}
	if t, err = s.Authenticate(ctx, raw); err != nil {
		return nil, false, unlessInvalid(err)
	}
	return t, false, nil
}

// introspectRefresh is Introspect for a refresh token.
func (s *Service) introspectRefresh(ctx context.Context, raw string) (*token.Token, error) {
	if err := s.clocks.Err(); err != nil {
		return nil, err
	}
	now := s.now()
	t, err := s.verify(ctx, (*token.Verifier).Refresh, raw, now)
	if err != nil {
		return nil, unlessInvalid(err)
	}
	subject := subjectOf(t)
	state, err := s.node.Lookup(ctx, subject.id, subject.identity)
	if err != nil {
		return nil, err
	}
	if s.rotator == nil {
		if err := subject.rejection(state); err != nil {
			return nil, unlessFault(err)
		}
		return t, nil
	}
	valid, err := s.rotator.wouldAccept(ctx, t, state, now)
	if err != nil || !valid {
		return nil, err
	}
	return t, nil
}

// wouldAccept reports whether a refresh with the token would succeed now. It changes nothing.
func (r *rotator) wouldAccept(
	ctx context.Context, t *token.Token, state revocation.State, now time.Time,
) (bool, error) {
	p := present(t)
	have, err := r.store.Session(ctx, p.subject.id)
	if err != nil {
		return false, err
	}
	if err := r.trust(ctx, &p, t.IssuerKey, have); err != nil {
		return false, err
	}
	switch d := decide(have, p, state, moment{now: now.UnixMilli()}, r.limits); d.answer {
	case reuse:
		return false, nil
	case refuse:
		return false, unlessFault(d.fault)
	default:
		return true, nil
	}
}

// unlessFault returns err unless it says that a token is not acceptable.
func unlessFault(err error) error {
	if _, ok := errors.AsType[token.Fault](err); ok {
		return nil
	}
	return err
}

// unlessInvalid returns err unless it says that a token is not valid now. A token that becomes
// valid by itself is not valid either (RFC 7662, section 4).
func unlessInvalid(err error) error {
	if _, ok := errors.AsType[*token.Early](err); ok {
		return nil
	}
	return unlessFault(err)
}
