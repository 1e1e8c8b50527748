// Package session holds the rules: may this token be redeemed now?
package session

import (
	"context"
	"fmt"
	"time"

	"kalsel.dev/refresh/impl/token"
)

// Config is what a Service works with. All fields are required.
type Config struct {
	Verifier *token.Verifier
	Minter   *token.Minter
	Now      func() time.Time
}

// Service redeems refresh tokens. It is safe for concurrent use.
type Service struct {
	verifier *token.Verifier
	minter   *token.Minter
	now      func() time.Time
}

// New returns a Service in stateless mode: a token is accepted for what it says, and no I/O is done.
func New(c Config) *Service {
	return &Service{verifier: c.Verifier, minter: c.Minter, now: c.Now}
}

// Grant is what a redeemed refresh token is worth.
type Grant struct {
	AccessToken string
	Expires     int64 // the access token's exp, Unix seconds
}

// Refresh redeems the refresh token raw for an access token that lives for life. A token that is not
// acceptable gives a token.Fault: token.ErrExpired if expiry is its only fault. Any other error is ours.
func (s *Service) Refresh(_ context.Context, raw string, life time.Duration) (Grant, error) {
	now := s.now()
	t, err := s.verifier.Refresh(raw, now)
	if err != nil {
		return Grant{}, err
	}
	m, err := s.minter.Access(t, life, now)
	if err != nil {
		return Grant{}, fmt.Errorf("mint access token: %w", err)
	}
	return Grant{AccessToken: m.Token, Expires: m.Expires}, nil
}
