package main

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"kalsel.dev/refresh/impl/api"
	"kalsel.dev/refresh/impl/keys"
	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/impl/store"
)

type serveCmd struct{}

// Run starts the server and returns when ctx has ended and the requests in flight are answered. The ports are opened before
// anything else, so that a taken one leaves nothing half started.
func (serveCmd) Run(ctx context.Context, p *program, c *Config) error {
	logger, err := c.checkServer(p)
	if err != nil {
		return err
	}
	keys, development, err := c.serverKeys(p, logger)
	if err != nil {
		return err
	}
	ports, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer ports.close() // the servers have closed them already, unless nothing was served
	db, err := c.openStore(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	defer background(ctx, collectLessOften)()
	sessions := c.sessions(p, keys, db, logger)
	defer background(ctx, sessions.Run)()
	defer background(ctx, c.follow(keys))()
	registry, err := newRegistry(db)
	if err != nil {
		return fmt.Errorf("register metrics: %w", err)
	}
	doors, err := c.doors(ctx, p, ports, keys, sessions, development, logger, registry)
	if err != nil {
		return err
	}
	if c.Playground && !development {
		logger.Warn("the playground is on: whoever reaches it can log in as anybody, though not as an administrator")
	}
	if development {
		if err := c.announceDevelopment(p, keys, ports.public.Addr(), logger); err != nil {
			return err
		}
	}
	ports.announce(logger)
	return serveUntil(ctx, logger, defaultLimits().shutdown, doors...)
}

// sessions wires the rules to the store.
func (c *Config) sessions(p *program, keys *keys.Source, db *store.Store, logger *slog.Logger) *session.Service {
	return session.New(session.Config{
		Keys: keys, Rules: c.rules(), Store: db, Rotation: c.rotation(db), Log: logger, Now: p.now, Refetch: keys.Refetch,
	})
}

// background starts run and returns what ends it and waits for it. It outlives ctx: requests in flight still need it.
func background(ctx context.Context, run func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		run(ctx)
	}()
	return func() {
		cancel()
		<-done
	}
}

// checkServer finds what is wrong with the server's settings before a port is opened.
func (c *Config) checkServer(p *program) (*slog.Logger, error) {
	logger, err := c.logger(p.stderr)
	if err != nil {
		return nil, err
	}
	if err := checkAddress("listen", c.Listen); err != nil {
		return nil, err
	}
	if err := c.checkLifetimes(); err != nil {
		return nil, err
	}
	if c.OpsListen != "" {
		return logger, checkAddress("ops-listen", c.OpsListen)
	}
	return logger, nil
}

// doors wires the handlers to the open ports.
func (c *Config) doors(
	ctx context.Context, p *program, ports listeners, keys *keys.Source, sessions *session.Service, development bool,
	logger *slog.Logger, registry *prometheus.Registry,
) ([]door, error) {
	config := api.Config{
		Sessions: sessions, Logger: logger, Registry: registry, Pages: c.pages(p, keys, sessions, development),
		NotReady:   func() []string { return notReady(ctx, sessions, keys) },
		PublicKeys: func() ([]byte, error) { return keys.Keys().MarshalPublic(p.now()) },
	}
	public, err := api.New(config)
	if err != nil {
		return nil, err
	}
	doors := []door{{newServer(public, defaultLimits(), logger), ports.public}}
	if ports.ops != nil {
		doors = append(doors, door{newServer(api.NewOps(config), defaultLimits(), logger), ports.ops})
	}
	return doors, nil
}

// notReady keeps load balancers away until all revocations and keys are known, and as soon as stopping has begun.
func notReady(ctx context.Context, sessions *session.Service, keys *keys.Source) (causes []string) {
	if ctx.Err() != nil {
		return []string{"the server is stopping"}
	}
	if what := sessions.Waiting(); what != "" {
		causes = append(causes, what)
	}
	if err := keys.Ready(); err != nil {
		causes = append(causes, err.Error())
	}
	return causes
}
