package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"kalsel.dev/refresh/impl/edge"
	"kalsel.dev/refresh/impl/fake"
	"kalsel.dev/refresh/impl/keys"
	"kalsel.dev/refresh/impl/service"
	"kalsel.dev/refresh/impl/store"
)

// fakeSecret is the secret of a fake that is given none. It is public, so that tests can sign their
// own tokens.
const fakeSecret = "refreshd fake: everybody knows this secret" //nolint:gosec // that is its purpose

type fakeCmd struct {
	AllowRemote bool     `help:"Listen where other machines can reach it. The fake signs tokens for every caller."`
	AllowOrigin []string `placeholder:"ORIGIN" help:"Let browser pages of this origin call the fake, such as http://localhost:5173; * allows every origin. May be repeated."`
}

const fakeText = `
Fake server at %[1]s: it keeps the contract, and misbehaves when it is told to. For tests only.
Secret (HS256): %[2]s

  curl -X POST %[1]s/fake/login
  curl -X PUT  %[1]s/fake/next -d '{"behaviour":"lose_answer"}'
  curl         %[1]s/fake/requests

`

// Run serves until ctx ends. It stores nothing: revocations end with the process.
func (cmd fakeCmd) Run(ctx context.Context, p *program, s *service.Settings) error {
	shown := "as configured"
	if s.Secret == "" && s.SecretFile == "" {
		s.Secret, shown = fakeSecret, fakeSecret
	}
	if err := cmd.check(s); err != nil {
		return err
	}
	logger, err := s.Logger(p.stderr)
	if err != nil {
		return err
	}
	source, err := s.OpenKeys(p.now, logger)
	if err != nil {
		return err
	}
	makers := &realHandlers{settings: s, keys: source, logger: logger}
	defer makers.Close() // nothing in it is stored
	handler, err := fake.New(fake.Config{
		Keys:    source,
		Rules:   s.Rules(),
		Now:     p.now,
		Origins: cmd.AllowOrigin,
		Real:    func(now func() time.Time) (http.Handler, error) { return makers.make(ctx, now) },
	})
	if err != nil {
		return err
	}
	port, err := edge.Listen(ctx, "--listen", s.Listen, edge.DefaultLimits())
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(p.stdout, fakeText, "http://"+port.Addr().String(), shown); err != nil {
		return errors.Join(err, port.Close())
	}
	listeners{public: port}.announce(logger)
	return edge.Serve(ctx, logger, edge.DefaultLimits(), edge.Port{Listener: port, Handler: handler})
}

func (cmd fakeCmd) check(s *service.Settings) error {
	const one = ": the fake verifies and signs with one secret (HS256), --secret or --secret-file"
	switch {
	case s.Keys != "":
		return service.SettingError(s.Name(&s.Keys) + one)
	case s.IssuerJwks != "":
		return service.SettingError(s.Name(&s.IssuerJwks) + one)
	}
	if err := s.Check(); err != nil {
		return err
	}
	host, _, err := net.SplitHostPort(s.Listen)
	if !cmd.AllowRemote && (err != nil || !keys.IsLoopback(host)) {
		return service.SettingError(s.Name(&s.Listen) + ": the fake signs tokens for every caller, " +
			"so it listens on loopback only; --allow-remote lifts that")
	}
	return nil
}

// realHandlers makes the handlers of the fake, each with a store of its own in memory.
type realHandlers struct {
	settings *service.Settings
	keys     *keys.Source
	logger   *slog.Logger

	mu     sync.Mutex
	stores []io.Closer
}

func (m *realHandlers) make(ctx context.Context, now func() time.Time) (http.Handler, error) {
	db, err := store.Open(ctx, "sqlite::memory:")
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	m.stores = append(m.stores, db)
	m.mu.Unlock()
	wired, err := service.New(service.Config{
		Settings: m.settings,
		Keys:     m.keys,
		Store:    db,
		Registry: prometheus.NewRegistry(),
		Log:      m.logger,
		Now:      now,
	})
	if err != nil {
		return nil, err
	}
	return wired.Public, nil
}

// Close closes the stores.
func (m *realHandlers) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all error
	for _, s := range m.stores {
		all = errors.Join(all, s.Close())
	}
	return all
}
