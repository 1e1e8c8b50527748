package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
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
	public, operations, err := open(ctx, s)
	if err != nil {
		return err
	}
	defer public.Close() // closed already, unless the start fails
	if operations != nil {
		defer operations.Close()
	}
	db, err := s.OpenServerStore(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	wired, err := service.New(service.Config{
		Settings:    s,
		Keys:        keys,
		Store:       db,
		Log:         logger,
		Audit:       p.stderr,
		Now:         p.now,
		Clock:       p.clock,
		Development: development,
		Version:     buildVersion(),
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
	ports := []edge.Port{{Listener: public, Handler: wired.Public}}
	listening := []any{slog.String("address", public.Addr().String())}
	if operations != nil {
		ports = append(ports, edge.Port{Listener: operations, Handler: wired.Ops})
		listening = append(listening, slog.String("operations", operations.Addr().String()))
	}
	listening = append(listening, slog.String("node", wired.Node()))
	logger.Info("listening", append(listening, slog.String("version", buildVersion()))...)
	context.AfterFunc(ctx, wired.Stopping)
	return edge.Serve(ctx, logger, edge.DefaultLimits(), ports...)
}

// open opens both ports or none. Operations is nil if it is switched off.
func open(ctx context.Context, s *service.Settings) (public, operations net.Listener, err error) {
	limits := edge.DefaultLimits()
	public, err = edge.Listen(ctx, s.Name(&s.Listen), s.Listen, limits)
	if err != nil || s.OpsListen == "" {
		return public, nil, err
	}
	operations, err = edge.Listen(ctx, s.Name(&s.OpsListen), s.OpsListen, limits)
	if err != nil {
		return nil, nil, errors.Join(err, public.Close())
	}
	return public, operations, nil
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
