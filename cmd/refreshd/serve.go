package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"kalsel.dev/refresh/impl/edge"
	"kalsel.dev/refresh/impl/keys"
	"kalsel.dev/refresh/impl/service"
)

type serveCmd struct{}

// Run starts the server and returns when ctx has ended and the requests in flight are answered. The
// ports are opened before anything else, so that a taken port leaves nothing half started.
func (serveCmd) Run(ctx context.Context, p *program, s *service.Settings) error {
	if err := s.Check(); err != nil {
		return err
	}
	logger, err := s.Logger(p.stderr)
	if err != nil {
		return err
	}
	development := !s.HasKey()
	openKeys := s.OpenKeys
	if development {
		openKeys = s.DevelopmentKeys
	}
	keys, err := openKeys(p.now, logger)
	if err != nil {
		return err
	}
	limits := edge.DefaultLimits()
	public, err := edge.Listen(ctx, s.Name(&s.Listen), s.Listen, limits)
	if err != nil {
		return err
	}
	defer public.Close() // closed already, unless the start fails
	ports := []edge.Port{{Listener: public}}
	addresses := []any{slog.String("address", public.Addr().String())}
	if s.OpsListen != "" {
		operations, err := edge.Listen(ctx, s.Name(&s.OpsListen), s.OpsListen, limits)
		if err != nil {
			return err
		}
		defer operations.Close()
		ports = append(ports, edge.Port{Listener: operations})
		addresses = append(addresses, slog.String("operations", operations.Addr().String()))
	}
	db, err := s.OpenStore(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	registry, err := edge.NewRegistry(buildVersion())
	if err != nil {
		return fmt.Errorf("register metrics: %w", err)
	}
	wired, err := service.New(service.Config{
		Settings:    s,
		Keys:        keys,
		Store:       db,
		Registry:    registry,
		Log:         logger,
		Now:         p.now,
		Development: development,
	})
	if err != nil {
		return err
	}
	defer background(ctx, edge.CollectLessOften)()
	defer background(ctx, wired.Run)()
	if s.Keys != "" || s.IssuerJwks != "" {
		defer background(ctx, func(ctx context.Context) { reloadOnHangup(ctx, keys) })()
	}
	s.Warn(logger, p.arguments)
	s.LogInForce(logger)
	if development {
		if err := announceDevelopment(p, s, keys, public.Addr(), logger); err != nil {
			return err
		}
	}
	logger.Info("listening", append(addresses, slog.String("version", buildVersion()))...)
	context.AfterFunc(ctx, wired.Stopping)
	ports[0].Handler = wired.Public
	if len(ports) > 1 {
		ports[1].Handler = wired.Ops
	}
	return edge.Serve(ctx, logger, limits, ports...)
}

// background starts run and returns a function that stops it and waits for it. It is not stopped
// when ctx ends: requests in flight still need it.
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

// reloadOnHangup reads the keys again at each SIGHUP until ctx ends.
func reloadOnHangup(ctx context.Context, source *keys.Source) {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangups:
			source.Reload()
		}
	}
}
