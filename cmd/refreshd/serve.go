package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"kalsel.dev/refresh/impl/api"
	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/impl/token"
	"kalsel.dev/refresh/impl/web"
)

type serveCmd struct{}

// Run starts the server and returns when ctx has ended and the requests in flight are answered. The ports are opened before
// anything else, so that a taken one leaves nothing half started.
func (serveCmd) Run(ctx context.Context, p *program, c *Config) error {
	logger, err := c.checkServer(p)
	if err != nil {
		return err
	}
	keys, development, err := c.serverKeys()
	if err != nil {
		return err
	}
	pages, err := c.pages(p, keys, development)
	if err != nil {
		return err
	}
	ports, err := c.open(ctx)
	if err != nil {
		return err
	}
	doors, err := c.doors(ctx, p, ports, keys, pages, logger)
	if err != nil {
		return errors.Join(err, ports.close())
	}
	ports.announce(logger)
	if development {
		if err := c.announceDevelopment(p, keys, ports.public.Addr(), logger); err != nil {
			return errors.Join(err, ports.close())
		}
	}
	return serveUntil(ctx, logger, defaultLimits().shutdown, doors...)
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
	if c.OpsListen != "" {
		return logger, checkAddress("ops-listen", c.OpsListen)
	}
	return logger, nil
}

// doors wires the service: from the keys to the handlers behind the open ports.
func (c *Config) doors(ctx context.Context, p *program, ports listeners, keys token.KeySource, pages []web.Route, logger *slog.Logger) ([]door, error) {
	registry, err := newRegistry()
	if err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	config := api.Config{
		Sessions: session.New(session.Config{
			Verifier: token.NewVerifier(keys, c.rules()),
			Minter:   token.NewMinter(keys, c.rules()),
			Now:      p.now,
		}),
		Logger:   logger,
		Registry: registry,
		Ready:    func(context.Context) error { return readiness(ctx) },
		Pages:    pages,
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

// readiness sends load balancers away as soon as stopping has begun.
func readiness(ctx context.Context) error {
	if ctx.Err() != nil {
		return errors.New("the server is stopping")
	}
	return nil
}
