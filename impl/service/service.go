// Package service is the one place where the server is put together: from settings, keys and a
// store it makes the HTTP handlers and the work that runs beside them.
package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"kalsel.dev/refresh/impl/api"
	"kalsel.dev/refresh/impl/audit"
	"kalsel.dev/refresh/impl/credential"
	"kalsel.dev/refresh/impl/edge"
	"kalsel.dev/refresh/impl/keys"
	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/impl/store"
)

// Config holds the parts of a Service. Clock, Development, PlainCookie and Version are optional, all
// other fields are required.
type Config struct {
	Settings *Settings
	Keys     *keys.Source
	Store    *store.Store
	Log      *slog.Logger
	// Audit receives the audit stream, a line in each call; nil drops it.
	Audit io.Writer
	Now   func() time.Time
	// Clock is for leases; nil is the machine's. It must agree with Now.
	Clock revocation.Clock
	// Development says that Keys are development keys: the playground is then always on.
	Development bool
	// PlainCookie makes the cookie of browsers work without TLS. With Development it always does.
	PlainCookie bool
	// Version is that of the program, for the metrics.
	Version string
}

// Service is a server without its listeners.
type Service struct {
	Public http.Handler // the contract and the pages
	Ops    http.Handler // health, readiness and metrics

	keys     *keys.Source
	store    *store.Store
	sessions *session.Service
	audit    *audit.Stream
	counted  atomic.Int64 // sessions
	stopping atomic.Bool
	stopped  chan struct{} // closed by Stopping
	// credentials of APIs; nil if there are none
	credentials *credential.File
}

// New puts a Service together. It fails if a metric cannot be registered.
func New(c Config) (*Service, error) {
	s := &Service{stopped: make(chan struct{}), keys: c.Keys, store: c.Store}
	if c.Store.IsNew() {
		c.Log.Info("This store is new: no revocation is known")
	}
	rules := c.Settings.Rules()
	untyped := c.Settings.Name(&c.Settings.RequireType) +
		" is off: switch it on if the login service sets the claim " + rules.Profile.Kind
	if rules.Profile.Refresh == "" {
		untyped = "" // such a login sets no type; Settings.Warn warns if that is dangerous
	}
	registry, err := edge.NewRegistry(c.Version)
	if err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	if s.audit, err = c.auditStream(s, registry); err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	c.Log = slog.New(s.audit.Handler(c.Log.Handler()))
	users, err := c.users(registry)
	if err != nil {
		return nil, err
	}
	s.sessions = session.New(session.Config{
		Keys:          c.Keys,
		Rules:         rules,
		Store:         c.Store,
		Rotation:      c.rotation(),
		Log:           c.Log,
		Audit:         s.audit,
		Now:           c.Now,
		Clock:         c.Clock,
		ClockSkew:     time.Duration(c.Settings.ClockSkew),
		AccessSession: c.Settings.AccessSid || c.Settings.ApiCredentials != "",
		Refetch:       c.Keys.Refetch,
		UndatedHint: "the setting " + c.Settings.Name(&c.Settings.TokenLifetime) +
			" would tell when it was issued",
		UntypedHint: untyped,
		Users:       users,
	})
	handler, err := c.api(s, registry)
	if err != nil {
		return nil, err
	}
	if s.Public, err = c.surround(handler, registry, s.stopping.Load); err != nil {
		return nil, err
	}
	s.Ops = edge.Operations(edge.OperationsConfig{
		Listen:   c.Settings.Name(&c.Settings.Listen),
		Log:      c.Log,
		Registry: registry,
		NotReady: s.notReady,
	})
	c.Keys.OnChange(s.keysChanged)
	return s, s.registerMetrics(registry, c)
}

// api returns the handlers of the contract and of the pages.
func (c Config) api(s *Service, registry *prometheus.Registry) (http.Handler, error) {
	oauth, err := c.oauth()
	if err != nil {
		return nil, err
	}
	s.credentials = oauth.Credentials
	return api.New(api.Config{
		Sessions:   s.sessions,
		Registry:   registry,
		Pages:      c.pages(s.sessions),
		PublicKeys: func() ([]byte, error) { return c.Keys.Keys().MarshalPublic(c.Now()) },
		Admin: api.Admin{
			MaxAge:  time.Duration(c.Settings.AdminMaxAge),
			Now:     c.Now,
			Setting: c.Settings.Name(&c.Settings.AdminMaxAge),
		},
		Audit: s.audit,
		Hints: api.Hints{
			Rotation:      c.Settings.Name(&c.Settings.Rotation),
			TokenLifetime: c.Settings.Name(&c.Settings.TokenLifetime),
			OpsListen:     c.Settings.Name(&c.Settings.OpsListen),
		},
		OAuth:   oauth,
		Feed:    c.feed(s, oauth.Credentials),
		Browser: c.browser(),
	})
}

// rotation returns the settings of rotation, or nil if rotation is off.
func (c Config) rotation() *session.Rotation {
	if !c.Settings.Rotation {
		return nil
	}
	return &session.Rotation{
		Window:          time.Duration(c.Settings.RotationWindow),
		IdleLifetime:    time.Duration(c.Settings.IdleLifetime),
		SessionLifetime: time.Duration(c.Settings.SessionLifetime),
	}
}

// Run keeps revocations and keys up to date until ctx ends. Requests that are answered before Run
// is called, or after it has returned, read the store each time.
func (s *Service) Run(ctx context.Context) {
	var tasks sync.WaitGroup
	tasks.Go(func() { s.sessions.Run(ctx) })
	tasks.Go(func() { s.keys.Run(ctx) })
	tasks.Go(func() { s.countSessions(ctx) })
	tasks.Wait()
	s.audit.Wait()
}

// Node returns the ID of this process, as leases, log lines and audit lines have it.
func (s *Service) Node() string { return s.sessions.Node() }

// Stopping makes the service say that it is not ready, so that load balancers send no more
// requests.
func (s *Service) Stopping() {
	if !s.stopping.Swap(true) {
		close(s.stopped)
	}
}

// ReloadCredentials reads the credentials of APIs again, if the settings name a file with them.
func (s *Service) ReloadCredentials() {
	if s.credentials != nil {
		s.credentials.Reload()
	}
}

// notReady returns the reasons why the service cannot answer requests now.
func (s *Service) notReady() (causes []string) {
	if s.stopping.Load() {
		return []string{"the server is stopping"}
	}
	if waiting := s.sessions.Waiting(); waiting != "" {
		causes = append(causes, waiting)
	}
	if err := s.keys.Ready(); err != nil {
		causes = append(causes, err.Error())
	}
	return causes
}

// OpenStore opens the configured store.
func (s *Settings) OpenStore(ctx context.Context) (*store.Store, error) {
	db, err := store.Open(ctx, s.Store)
	if bad, ok := errors.AsType[store.BadURL](err); ok {
		return nil, s.invalid(&s.Store, bad.Error())
	}
	if errors.Is(err, store.ErrNoRights) {
		return nil, fmt.Errorf("%w; run refreshd migrate with the URL of their owner", err)
	}
	return db, err
}

// OpenServerStore opens the configured store for a server, and notes there how long the server's tokens may
// live: revocations are kept accordingly, whichever program makes them.
func (s *Settings) OpenServerStore(ctx context.Context) (*store.Store, error) {
	db, err := s.OpenStore(ctx)
	if err != nil {
		return nil, err
	}
	if err := db.NoteServer(ctx, time.Duration(s.MaxLifetime), s.Rotation); err != nil {
		return nil, errors.Join(fmt.Errorf("note the lifetimes in the store: %w", err), db.Close())
	}
	return db, nil
}
