// Package session holds the rules: whether a refresh token may be redeemed now, and which tokens it
// is redeemed for.
package session

import (
	"context"
	"errors"
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

// Store is the part of a Service that is outside the process.
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
	// RevocationsOf returns the revocations in the store of a session, and of an identity. Each is
	// nil if there is none.
	RevocationsOf(
		ctx context.Context, id revocation.SessionID, identity string,
	) (ofSession, ofIdentity *revocation.Revocation, err error)
	// SessionsOf returns up to limit sessions of the identity that are in force at now (Unix
	// milliseconds), the last used first.
	SessionsOf(ctx context.Context, identity string, now int64, limit int) ([]Row, error)
	// ExpireSessions removes up to limit rows that need not be kept at now (Unix milliseconds), and
	// returns how many it removed.
	ExpireSessions(ctx context.Context, now int64, limit int) (int, error)
}

// Config holds the parts of a Service. Keys, Rules, Store, Log and Now are required.
type Config struct {
	Keys  jwk.Source
	Rules token.Rules
	Store Store
	Log   *slog.Logger
	// Audit receives the events; nil drops them.
	Audit Auditor
	// Rotation turns rotation mode on. If it is nil, the mode is stateless.
	Rotation *Rotation
	// AccessSession makes each access token name its session in stateless mode too.
	AccessSession bool
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
	// UntypedHint names the remedy for refresh tokens without type, for the log. If it is empty, such
	// tokens are usual.
	UntypedHint string
	// Users is asked for the claims of each access token. If it is nil, they are those of the refresh
	// token.
	Users UserService
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
	audit       Auditor
	clock       revocation.Clock
	clocks      *revocation.ClockCheck
	node        *revocation.Node
	store       Store
	rules       token.Rules
	refetch     func(ctx context.Context, keyID, algorithm string) error
	undatedHint string
	untypedHint string
	rotator     *rotator    // nil in stateless mode
	users       *userClaims // nil if no user service is asked
	// namesSession says that access tokens name their session.
	namesSession bool

	sawUndated atomic.Bool
	sawUntyped atomic.Bool
}

// New returns a Service. Until Run is called and has loaded the revocations, each refresh reads the
// store. After that a stateless refresh does no I/O.
func New(c Config) *Service {
	if c.Audit == nil {
		c.Audit = noAudit{}
	}
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
			Audit:       c.Audit,
			Node:        node,
			Clocks:      clocks,
			MaxLifetime: c.Rules.MaxLifetime,
		}),
		verifier:    token.NewVerifier(c.Keys, c.Rules),
		minter:      token.NewMinter(c.Keys, c.Rules),
		now:         c.Now,
		log:         c.Log,
		audit:       c.Audit,
		clock:       c.Clock,
		clocks:      clocks,
		node:        node,
		store:       c.Store,
		rules:       c.Rules,
		refetch:     c.Refetch,
		undatedHint: c.UndatedHint,
		untypedHint: c.UntypedHint,

		namesSession: c.AccessSession || c.Rotation != nil,
	}
	if c.Rotation != nil {
		s.rotator = newRotator(c, s)
	}
	if c.Users != nil {
		s.users = &userClaims{
			service: c.Users,
			profile: c.Rules.LoginProfile(),
			revoker: s.Revoker,
			log:     c.Log,
		}
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

// Node returns the ID of this process, as leases and audit lines have it.
func (s *Service) Node() string { return s.node.ID() }

// Undated reports that the age of a refresh token without iat is unknown: Rules.TokenLifetime is
// not set.
func (s *Service) Undated() bool { return s.rules.TokenLifetime == 0 }
