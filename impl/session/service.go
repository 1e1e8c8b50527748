// Package session holds the rules: whether a refresh token may be redeemed now, and what it is
// redeemed for.
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
	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/token"
)

// ErrKeysUnavailable means that the token names an unknown key, and that the keys of the login
// service are missing or may be out of date. The caller may try again.
var ErrKeysUnavailable = errors.New("the keys of the login service are not available")

// Store is what a Service keeps outside the process.
type Store interface {
	revocation.NodeStore
	revocation.ClockStore
	revocation.RevokerStore
	sessionStore
	listStore
}

// listStore lists revocations and sessions.
type listStore interface {
	// List returns up to limit revocations in force at now (Unix milliseconds), the newest first,
	// with sequences below before.
	List(ctx context.Context, before, now int64, limit int) ([]revocation.Revocation, error)
	// SessionsOf returns up to limit sessions of the identity that are in force at now (Unix
	// milliseconds), the last used first.
	SessionsOf(ctx context.Context, identity string, now int64, limit int) ([]Row, error)
	// ExpireSessions removes up to limit rows that need not be kept at now (Unix milliseconds), and
	// returns how many it removed.
	ExpireSessions(ctx context.Context, now int64, limit int) (int, error)
}

// Config is what a Service works with. Keys, Rules, Store, Log and Now are required.
type Config struct {
	Keys  jwk.Source
	Rules token.Rules
	Store Store
	Log   *slog.Logger
	// Rotation turns rotation mode on. If it is nil, the mode is stateless.
	Rotation *Rotation
	// Now is the time for the claims of tokens.
	Now func() time.Time
	// Clock is for leases. If it is nil, it is the machine's.
	Clock revocation.Clock
	// ClockSkew is by how much the clocks of the servers and of the store may differ. If it is 0,
	// they are not compared.
	ClockSkew time.Duration
	// Refetch is called if the key of a token is unknown, with the kid and alg of the token; then
	// the token is verified once more. If Refetch returns an error, the key may exist all the same.
	// If it is nil, there are no other keys than Keys.
	Refetch func(ctx context.Context, keyID, algorithm string) error
	// UndatedHint names the remedy for refresh tokens without iat, for the log and for ErrUndated.
	UndatedHint string
	// UntypedHint names the remedy for refresh tokens without type, for the log.
	UntypedHint string
}

// Rotation is the settings of rotation mode, in which each refresh returns a new refresh token too.
type Rotation struct {
	// Window is how long after a rotation both the old and the new token may be presented again.
	Window time.Duration
	// A session ends IdleLifetime after its last use. If it is 0, use does not matter.
	IdleLifetime time.Duration
	// A session ends SessionLifetime after its start. If it is 0, it ends when the login's token
	// expires.
	SessionLifetime time.Duration
}

// Service redeems refresh tokens and revokes their sessions. It is safe for concurrent use.
type Service struct {
	*Revoker

	verifier    *token.Verifier
	minter      *token.Minter
	now         func() time.Time
	log         *slog.Logger
	clock       revocation.Clock
	clocks      *revocation.ClockCheck
	node        *revocation.Node
	store       Store
	rules       token.Rules
	refetch     func(ctx context.Context, keyID, algorithm string) error
	undatedHint string
	untypedHint string
	rotator     *rotator // nil in stateless mode

	sawUndated atomic.Bool
	sawUntyped atomic.Bool
}

// New returns a Service. Until Run is called and has loaded the revocations, each refresh reads the
// store. After that a stateless refresh does no I/O.
func New(c Config) *Service {
	if c.Clock == nil {
		c.Clock = revocation.SystemClock()
	}
	node := revocation.NewNode(c.Store, c.Clock, c.Log)
	clocks := revocation.NewClockCheck(c.Store, c.Clock, c.ClockSkew, c.Log)
	s := &Service{
		Revoker: NewRevoker(RevokerConfig{
			Store:       c.Store,
			Clock:       c.Clock,
			Log:         c.Log,
			Node:        node,
			Clocks:      clocks,
			MaxLifetime: c.Rules.MaxLifetime,
		}),
		verifier:    token.NewVerifier(c.Keys, c.Rules),
		minter:      token.NewMinter(c.Keys, c.Rules),
		now:         c.Now,
		log:         c.Log,
		clock:       c.Clock,
		clocks:      clocks,
		node:        node,
		store:       c.Store,
		rules:       c.Rules,
		refetch:     c.Refetch,
		undatedHint: c.UndatedHint,
		untypedHint: c.UntypedHint,
	}
	if c.Rotation != nil {
		s.rotator = newRotator(c, s)
	}
	return s
}

// Run keeps the service's knowledge of revocations up to date, and removes rows that need not be
// kept, until ctx is done.
func (s *Service) Run(ctx context.Context) {
	var tasks sync.WaitGroup
	tasks.Go(func() { s.clocks.Run(ctx) })
	// Rows of sessions are removed in stateless mode too: rotation may have been on before.
	s.node.Run(ctx, s.store.ExpireSessions)
	tasks.Wait()
}

// Waiting says why the service is not ready. It is empty if the service is ready.
func (s *Service) Waiting() string {
	if err := s.clocks.Err(); err != nil {
		return err.Error()
	}
	return s.node.Waiting()
}

// Status returns the state of the service's knowledge of revocations.
func (s *Service) Status() revocation.Status { return s.node.Status() }

// Undated reports that the age of a refresh token without iat is unknown: Rules.TokenLifetime is
// not set.
func (s *Service) Undated() bool { return s.rules.TokenLifetime == 0 }

// Client is the sender of a refresh, as far as it is known.
type Client struct {
	UserAgent string // as sent; the store keeps a shortened one
	Address   string // for the log
}

// Grant is what a refresh token is redeemed for.
type Grant struct {
	AccessToken string
	Expires     int64 // the access token's exp, Unix seconds
	// RefreshToken replaces the token that was redeemed. It is empty in stateless mode.
	RefreshToken string
}

// Refresh redeems a refresh token for an access token that lives for life. It returns a token.Fault
// if the token is not acceptable: token.ErrExpired only if expiry is its only fault, and then even
// if its session is revoked. If the caller may try again, it returns revocation.ErrUnavailable,
// revocation.ErrClock, ErrKeysUnavailable or a token.Early. Any other error is a fault of this
// program.
func (s *Service) Refresh(ctx context.Context, raw string, life time.Duration, from Client) (Grant, error) {
	if err := s.clocks.Err(); err != nil {
		return Grant{}, err
	}
	now := s.now()
	t, err := s.verify(ctx, (*token.Verifier).Refresh, raw, now)
	if err != nil {
		return Grant{}, err
	}
	if _, dated := t.Issued(); !dated && !s.sawUndated.Load() && !s.sawUndated.Swap(true) {
		s.log.Warn("A refresh token has no iat. Once all sessions of its identity are revoked, such tokens of "+
			"the identity are rejected, new ones too", "hint", s.undatedHint)
	}
	if !t.HasType && !s.sawUntyped.Load() && !s.sawUntyped.Swap(true) {
		s.log.Warn("A refresh token has no type. Tokens that the login service signs for other purposes may be "+
			"accepted as refresh tokens", "hint", s.untypedHint)
	}
	if s.rotator != nil {
		grant, err := s.rotator.redeem(ctx, raw, t, life, from, now)
		return grant, s.withHint(err)
	}
	if !s.node.NothingRevoked() {
		subject := subjectOf(t)
		state, err := s.node.Lookup(ctx, subject.id, subject.identity)
		if err != nil {
			return Grant{}, err
		}
		if err := subject.rejection(state); err != nil {
			return Grant{}, s.withHint(err)
		}
	}
	m, err := s.minter.Access(t, "", life, now)
	if err != nil {
		return Grant{}, fmt.Errorf("mint access token: %w", err)
	}
	return Grant{AccessToken: m.Token, Expires: m.Expires}, nil
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
	_, err = s.RevokeToken(ctx, t, "logout")
	return err
}
