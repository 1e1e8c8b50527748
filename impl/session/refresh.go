// Package session holds the rules: may this token be redeemed now?
package session

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/token"
)

// Store is where a Service keeps what must outlive it.
type Store interface {
	Feed
	Leases
	Ledger
	Lister
}

// Config is what a Service works with. All fields but Rotation, Clock and Refetch are required.
type Config struct {
	Keys  jwk.Source
	Rules token.Rules
	Store Store
	Log   *slog.Logger
	// Rotation turns rotation mode on; nil is stateless mode.
	Rotation *Rotation
	// Now is the time for the claims of tokens, Clock the one for leases: the machine's, if it is nil.
	Now   func() time.Time
	Clock Clock
	// Refetch is called when the key of a token is unknown. Afterwards the token is looked at once more; an error means that the key
	// may exist all the same. nil: Keys are all that there is.
	Refetch func(context.Context) error
}

// Service redeems refresh tokens and ends their sessions. It is safe for concurrent use.
type Service struct {
	*Revoker

	verifier *token.Verifier
	minter   *token.Minter
	now      func() time.Time
	log      *slog.Logger
	node     *Node
	lister   Lister
	rules    token.Rules
	refetch  func(context.Context) error
	rotator  *rotator // nil in stateless mode

	sawUndated atomic.Bool
}

// New returns a Service. In stateless mode a token is accepted for what it says unless its session is revoked, and while the
// node has a lease no I/O is done. Until Run is called there is none, and each refresh reads the store. In rotation mode the
// session's row decides too.
func New(c Config) *Service {
	if c.Clock == nil {
		c.Clock = SystemClock()
	}
	node := NewNode(NodeConfig{Feed: c.Store, Leases: c.Store, Clock: c.Clock, Log: c.Log})
	s := &Service{
		Revoker: NewRevoker(RevokerConfig{
			Ledger: c.Store, Clock: c.Clock, Log: c.Log, Node: node, MaxLifetime: c.Rules.MaxLifetime, Successors: c.Rotation != nil,
		}),
		verifier: token.NewVerifier(c.Keys, c.Rules), minter: token.NewMinter(c.Keys, c.Rules),
		now: c.Now, log: c.Log, node: node, lister: c.Store, rules: c.Rules, refetch: c.Refetch,
	}
	if c.Rotation != nil {
		s.rotator = newRotator(c, s)
	}
	return s
}

// Run keeps the service's knowledge of revocations up to date, and removes what need not be kept, until ctx ends.
func (s *Service) Run(ctx context.Context) {
	if s.rotator != nil {
		var tasks sync.WaitGroup
		defer tasks.Wait()
		tasks.Go(func() { s.rotator.expire(ctx, s.node.clock) })
	}
	s.node.Run(ctx)
}

// Waiting says what the service waits for before it is ready, or is empty.
func (s *Service) Waiting() string { return s.node.Waiting() }

// Status is the state of the service's knowledge of revocations.
func (s *Service) Status() Status { return s.node.Status() }

// Undated reports that nothing tells when a refresh token without iat was issued: Rules.TokenLifetime is not set.
func (s *Service) Undated() bool { return s.rules.TokenLifetime == 0 }

// Grant is what a redeemed refresh token is worth.
type Grant struct {
	AccessToken string
	Expires     int64 // the access token's exp, Unix seconds
	// RefreshToken takes the place of the one that was redeemed; empty in stateless mode.
	RefreshToken string
}

// Refresh redeems the refresh token raw for an access token that lives for life. A token that is not
// acceptable gives a token.Fault: token.ErrExpired if expiry is its only fault, whatever became of its session.
// ErrUnavailable means that nobody knows whether the session is revoked, ErrKeysUnavailable the same of the key. Any other error is
// ours.
func (s *Service) Refresh(ctx context.Context, raw string, life time.Duration) (Grant, error) {
	return s.RefreshFrom(ctx, raw, life, Client{})
}

// RefreshFrom is Refresh with what is known of the client, which rotation mode keeps with the session.
func (s *Service) RefreshFrom(ctx context.Context, raw string, life time.Duration, from Client) (Grant, error) {
	now := s.now()
	t, err := s.verify(ctx, (*token.Verifier).Refresh, raw, now)
	if err != nil {
		return Grant{}, err
	}
	s.warnUndated(t)
	if s.rotator != nil {
		return s.rotator.redeem(ctx, raw, t, life, from, now)
	}
	if err := s.node.refuse(ctx, t); err != nil {
		return Grant{}, err
	}
	m, err := s.minter.Access(t, "", life, now)
	if err != nil {
		return Grant{}, fmt.Errorf("mint access token: %w", err)
	}
	return Grant{AccessToken: m.Token, Expires: m.Expires}, nil
}

type check func(v *token.Verifier, raw string, now time.Time) (*token.Token, error)

// verify gives a token whose key is unknown a second chance: whoever issued it may just have made the key.
func (s *Service) verify(ctx context.Context, check check, raw string, now time.Time) (*token.Token, error) {
	t, err := check(s.verifier, raw, now)
	if s.refetch == nil || !errors.Is(err, token.ErrUnknownKey) {
		return t, err
	}
	if err := s.refetch(ctx); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKeysUnavailable, err)
	}
	return check(s.verifier, raw, now)
}

// warnUndated says once that a token does not tell when it was issued, before somebody ends all sessions of an identity.
func (s *Service) warnUndated(t *token.Token) {
	if _, ok := t.Issued(); ok || s.sawUndated.Load() || s.sawUndated.Swap(true) {
		return
	}
	s.log.Warn("A refresh token has no iat. Once all sessions of its identity are ended, such tokens of that identity are refused, "+
		"new ones too, unless the setting says how long the login's refresh tokens live", "setting", "REFRESH_TOKEN_LIFETIME")
}

// Authenticate verifies an access token, for the routes that need to know who is calling. It returns a token.Fault for one that
// is not acceptable, and ErrUnavailable if nobody knows whether it is revoked.
func (s *Service) Authenticate(ctx context.Context, raw string) (*token.Token, error) {
	t, err := s.verify(ctx, (*token.Verifier).Access, raw, s.now())
	if err != nil {
		return nil, err
	}
	return t, s.node.Refuse(ctx, SubjectOfAccess(t))
}

// Logout ends the session of a genuine refresh token, an expired or revoked one too. See Revoker for what its return means.
func (s *Service) Logout(ctx context.Context, raw string) error {
	t, err := s.verify(ctx, (*token.Verifier).Refresh, raw, s.now())
	if err != nil && !errors.Is(err, token.ErrExpired) {
		return err
	}
	_, err = s.EndToken(ctx, t, "logout")
	return err
}

// Lister lists revocations.
type Lister interface {
	// List returns up to limit revocations in force at now (Unix milliseconds), newest first, with sequences below before.
	List(ctx context.Context, before, now int64, limit int) ([]Revocation, error)
}

// Revocations returns up to limit revocations in force, newest first, with sequences below before.
func (s *Service) Revocations(ctx context.Context, before int64, limit int) ([]Revocation, error) {
	return s.lister.List(ctx, before, s.now().UnixMilli(), limit)
}
