package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"kalsel.dev/refresh/impl/token"
)

// Client is the sender of a refresh, as far as it is known.
type Client struct {
	UserAgent string // as sent; the store keeps a shortened one
	Address   string // for the log
	OAuth     *OAuth // nil unless the sender is an OAuth client
	// MaxRefreshToken is the length in bytes of the longest refresh token that the client can keep.
	// 0 is no limit.
	MaxRefreshToken int
}

// Grant is the result of redeeming a refresh token.
type Grant struct {
	AccessToken string
	Expires     int64 // the access token's exp, Unix seconds
	// RefreshToken replaces the token that was redeemed. It is empty in stateless mode.
	RefreshToken string
	// RefreshExpires is the exp, in Unix seconds, of the refresh token that the client uses next.
	RefreshExpires int64
	// Scope is the scope of the access token. It is set only for OAuth clients.
	Scope string
}

// Refresh redeems a refresh token for an access token that lives for life. It returns a token.Fault
// if the token is not acceptable: token.ErrExpired only if expiry is its only fault, and then even
// if its session is revoked. If the caller may try again, it returns revocation.ErrUnavailable,
// revocation.ErrClock, ErrKeysUnavailable, ErrUserService or a token.Early. An OAuth client may get
// ErrScope. Any other error is a fault of this program.
func (s *Service) Refresh(
	ctx context.Context, raw string, life time.Duration, from Client,
) (Grant, error) {
	if err := s.clocks.Err(); err != nil {
		return Grant{}, err
	}
	now := s.now()
	t, err := s.verify(ctx, (*token.Verifier).Refresh, raw, now)
	if err != nil {
		return Grant{}, s.refused(ctx, t, err)
	}
	if _, dated := t.Issued(); !dated && !s.sawUndated.Load() && !s.sawUndated.Swap(true) {
		s.log.Warn("A refresh token has no iat. Once all sessions of its identity are revoked, such tokens of "+
			"the identity are rejected, new ones too", "hint", s.undatedHint)
	}
	if !t.HasType && s.untypedHint != "" && !s.sawUntyped.Load() && !s.sawUntyped.Swap(true) {
		s.log.Warn("A refresh token has no type. Tokens that the login service signs for other purposes may be "+
			"accepted as refresh tokens", "hint", s.untypedHint)
	}
	granted, scope := t, "" // of the access token
	if from.OAuth != nil {
		if granted, scope, err = from.OAuth.granted(t); err != nil {
			return Grant{}, s.refused(ctx, t, err)
		}
	}
	var grant Grant
	if s.users == nil {
		grant, err = s.redeem(ctx, raw, t, granted, life, from, now)
	} else {
		grant, err = s.redeemUpToDate(ctx, raw, t, granted, life, from)
	}
	if err != nil {
		return Grant{}, s.refused(ctx, t, err)
	}
	grant.Scope = scope
	return grant, nil
}

// redeem redeems a refresh token whose only open question is whether it is revoked.
func (s *Service) redeem(
	ctx context.Context, raw string, t, granted *token.Token, life time.Duration, from Client,
	now time.Time,
) (Grant, error) {
	if s.rotator != nil {
		return s.rotator.redeem(ctx, raw, t, granted, life, from, now)
	}
	if err := from.fits(raw); err != nil {
		return Grant{}, err
	}
	var named token.Session
	if s.namesSession || !s.node.NothingRevoked() {
		subject := subjectOf(t)
		if s.namesSession {
			named = token.Session{ID: subject.id.String(), Started: subject.started}
		}
		state, err := s.node.Lookup(ctx, subject.id, subject.identity)
		if err != nil {
			return Grant{}, err
		}
		if err := subject.rejection(state); err != nil {
			return Grant{}, err
		}
	}
	m, err := s.minter.Access(granted, named, life, now)
	if err != nil {
		return Grant{}, notMinted(err)
	}
	return Grant{AccessToken: m.Token, Expires: m.Expires, RefreshExpires: t.Expires}, nil
}

// notMinted returns the error for an access token that could not be minted.
func notMinted(err error) error {
	if errors.Is(err, token.ErrTooLong) {
		return fmt.Errorf("%w: %w", errAccessTooLong, err)
	}
	return fmt.Errorf("mint access token: %w", err)
}

// verify verifies a token. If the token's key is unknown, it asks for new keys and verifies once
// more: the login service may just have made the key.
func (s *Service) verify(
	ctx context.Context, check func(*token.Verifier, string, time.Time) (*token.Token, error), raw string, now time.Time,
) (*token.Token, error) {
	t, err := check(s.verifier, raw, now)
	rejection, _ := errors.AsType[*token.Rejection](err)
	if s.refetch == nil || rejection == nil || rejection.Fault != token.ErrUnknownKey {
		return t, err
	}
	if err := s.refetch(ctx, rejection.KeyID, rejection.Algorithm); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKeysUnavailable, err)
	}
	return check(s.verifier, raw, now)
}

// withHint adds the hint to ErrUndated.
func (s *Service) withHint(err error) error {
	if s.undatedHint == "" || !errors.Is(err, ErrUndated) {
		return err
	}
	return ErrUndated + token.Fault("; "+s.undatedHint)
}

// Authenticate verifies an access token. It returns a token.Fault if the token is not acceptable,
// revocation.ErrUnavailable or revocation.ErrClock if it is not known whether the token is valid,
// and a token.Early if the token is valid later.
func (s *Service) Authenticate(ctx context.Context, raw string) (*token.Token, error) {
	if err := s.clocks.Err(); err != nil {
		return nil, err
	}
	t, err := s.verify(ctx, (*token.Verifier).Access, raw, s.now())
	if err != nil {
		return nil, err
	}
	subject := subjectOfAccess(t)
	state, err := s.node.Lookup(ctx, subject.id, subject.identity)
	if err != nil {
		return nil, err
	}
	return t, s.withHint(subject.rejection(state))
}

// Logout revokes the session of a genuine refresh token. The token may be expired, revoked, or not
// valid yet.
func (s *Service) Logout(ctx context.Context, raw string) error {
	t, err := s.verify(ctx, (*token.Verifier).Refresh, raw, s.now())
	if t == nil {
		return err
	}
	_, err = s.RevokeToken(ctx, t, Origin{Actor: actorClient, Reason: "logout"})
	return err
}
