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

	"kalsel.dev/refresh/impl/api"
	"kalsel.dev/refresh/impl/fake"
	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/impl/store"
)

// fakeSecret is what the fake verifies with unless it is given a secret. Everybody knows it, so that tests can sign their own tokens.
const fakeSecret = "refreshd fake: everybody knows this secret" //nolint:gosec // that is what it is for

type fakeCmd struct {
	AllowRemote bool     `help:"Listen where other machines can reach it. The fake signs tokens for anybody."`
	AllowOrigin []string `placeholder:"ORIGIN" help:"Let browser pages of this origin call the fake, such as http://localhost:5173; * is any. May be repeated."`
}

const fakeText = `
Fake server at %[1]s: it keeps the contract, and misbehaves when it is told to. For tests only.
Secret (HS256): %[2]s

  curl -X POST %[1]s/fake/login
  curl -X PUT  %[1]s/fake/next -d '{"behaviour":"lose_answer"}'
  curl         %[1]s/fake/requests

`

// Run serves until ctx ends. It keeps nothing: what is revoked is gone with the process.
func (cmd fakeCmd) Run(ctx context.Context, p *program, c *Config) error {
	logger, err := cmd.check(p, c)
	if err != nil {
		return err
	}
	secret, err := c.fakeSecret()
	if err != nil {
		return err
	}
	keys, err := jwk.SecretSet(secret, true)
	if err != nil {
		return invalid("secret", err.Error())
	}
	makers := &realHandlers{config: c, keys: keys, logger: logger}
	defer makers.Close() // nothing in it is kept
	handler, err := fake.New(fake.Config{
		Keys: keys, Rules: c.rules(), Now: p.now, Origins: cmd.AllowOrigin,
		Real: func(now func() time.Time) (http.Handler, error) { return makers.make(ctx, now) },
	})
	if err != nil {
		return err
	}
	port, err := listen(ctx, "listen", c.Listen)
	if err != nil {
		return err
	}
	if err := announceFake(p, port.Addr(), secret); err != nil {
		return errors.Join(err, port.Close())
	}
	logger.Info("listening", slog.String("address", port.Addr().String()), slog.String("version", buildVersion()))
	patient := defaultLimits()
	patient.write = 0 // delays are ordered
	return serveUntil(ctx, logger, patient.shutdown, door{newServer(handler, patient, logger), port})
}

func (cmd fakeCmd) check(p *program, c *Config) (*slog.Logger, error) {
	if err := checkAddress("listen", c.Listen); err != nil {
		return nil, err
	}
	if err := c.checkLifetimes(); err != nil {
		return nil, err
	}
	const one = "the fake verifies and signs with one secret (HS256), --secret or --secret-file"
	if c.Keys != nil {
		return nil, invalid("keys", one)
	}
	if c.IssuerJwks != "" {
		return nil, invalid("issuer-jwks", one)
	}
	if !cmd.AllowRemote && !isLoopback(c.Listen) {
		return nil, invalid("listen", "the fake signs tokens for anybody, so it listens on loopback only; --allow-remote lifts that")
	}
	return c.logger(p.stderr)
}

// fakeSecret is the configured secret, or else the one that everybody knows.
func (c *Config) fakeSecret() ([]byte, error) {
	if c.Secret == nil && c.SecretFile == nil {
		return []byte(fakeSecret), nil
	}
	secret, _, err := c.secret()
	return secret, err
}

func announceFake(p *program, address net.Addr, secret []byte) error {
	shown := "as configured"
	if string(secret) == fakeSecret {
		shown = fakeSecret
	}
	_, err := fmt.Fprintf(p.stdout, fakeText, "http://"+address.String(), shown)
	return err
}

// realHandlers makes the handlers of the fake, each on a store of its own in memory.
type realHandlers struct {
	config *Config
	keys   *jwk.Set
	logger *slog.Logger

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
	return api.New(api.Config{
		Sessions: session.New(session.Config{
			Keys: m.keys, Rules: m.config.rules(), Rotation: m.config.rotation(db), Store: db, Log: m.logger, Now: now,
		}),
		Logger:     m.logger,
		Registry:   prometheus.NewRegistry(),
		PublicKeys: func() ([]byte, error) { return m.keys.MarshalPublic(now()) },
	})
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
