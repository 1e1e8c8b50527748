package main

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"kalsel.dev/refresh/impl/edge"
	"kalsel.dev/refresh/impl/keys"
	"kalsel.dev/refresh/impl/service"
)

type serveCmd struct{}

// startPatience is how long requests to the API wait while the server starts. Most starts take some
// 20 ms.
const startPatience = 2 * time.Second

// Run starts the server and returns when ctx has ended and the requests in flight are answered. The
// ports are opened before anything else, so that a taken port leaves nothing half started, and
// answer while the store is not available.
func (serveCmd) Run(ctx context.Context, p *program, s *service.Settings) error {
	if err := cmp.Or(s.Check(), s.CheckCredentials(p.now)); err != nil {
		return err
	}
	logger, err := s.Logger(p.stderr)
	if err != nil {
		return err
	}
	reloads := newReloads(logger)
	defer background(ctx, reloads.onHangup)()
	c := service.Config{
		Settings:    s,
		Log:         logger,
		Audit:       p.stderr,
		Now:         p.now,
		Clock:       p.clock,
		Development: !s.HasKey(),
		Version:     buildVersion(),
	}
	if c.Keys, err = openKeys(p, s, logger, reloads); err != nil {
		return err
	}
	starting, err := service.NewStarting(c)
	if err != nil {
		return err
	}
	public := edge.NewLate(starting.Public, startPatience)
	operations := edge.NewLate(starting.Ops, 0)
	ports := []edge.Port{{Handler: public}}
	stopWatching, err := useCertificate(ctx, s, logger, reloads, &ports[0])
	if err != nil {
		return err
	}
	defer stopWatching()
	if ports, err = open(ctx, s, ports, operations); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	served := make(chan error, 1)
	go func() {
		err := edge.Serve(ctx, logger, s.Limits(), ports...)
		cancel(err)
		served <- err
	}()
	if c.Store, err = starting.OpenStore(ctx); err != nil {
		stopped := ctx.Err() != nil
		cancel(err)
		if failure := <-served; stopped || failure != nil {
			return failure
		}
		return err
	}
	defer c.Store.Close()
	wired, err := wire(p, c, reloads, ports[0].Listener.Addr())
	if err != nil {
		cancel(err)
		return errors.Join(err, <-served)
	}
	defer edge.ReserveHeap()()
	defer background(ctx, wired.Run)()
	context.AfterFunc(ctx, wired.Stopping)
	public.Set(wired.Public)
	operations.Set(wired.Ops)
	logListening(logger, ports, "node", wired.Node(), "version", c.Version)
	return <-served
}

// useCertificate makes the port serve TLS if a certificate is configured. The returned function
// stops reading the certificate again.
func useCertificate(
	ctx context.Context, s *service.Settings, logger *slog.Logger, reloads *reloads, port *edge.Port,
) (stop func(), _ error) {
	certificate, err := s.Certificate(logger)
	if err != nil || certificate == nil {
		return func() {}, err
	}
	port.TLS = certificate.Config()
	reloads.add("TLS certificate", certificate.Reload)
	return background(ctx, certificate.Run), nil
}

// wire puts the service together, and says which settings are in force.
func wire(
	p *program, c service.Config, reloads *reloads, at net.Addr,
) (*service.Service, error) {
	wired, err := service.New(c)
	if err != nil {
		return nil, err
	}
	if c.Settings.ApiCredentials != "" {
		reloads.add("API credentials", wired.ReloadCredentials)
	}
	c.Settings.Warn(c.Log, p.arguments)
	c.Settings.LogInForce(c.Log)
	if c.Development {
		err = announceDevelopment(p, c.Settings, c.Keys, at, c.Log)
	}
	return wired, err
}

// logListening logs the addresses of the ports.
func logListening(logger *slog.Logger, ports []edge.Port, more ...any) {
	listening := []any{slog.String("address", ports[0].Listener.Addr().String())}
	if len(ports) > 1 {
		listening = append(listening, "operations", ports[1].Listener.Addr().String())
	}
	logger.Info("listening", append(listening, more...)...)
}

// openKeys returns the keys of the server, which SIGHUP reads again.
func openKeys(
	p *program, s *service.Settings, logger *slog.Logger, reloads *reloads,
) (*keys.Source, error) {
	source, err := s.OpenServerKeys(p.now, logger)
	if err != nil {
		return nil, err
	}
	reloads.add("keys", source.Reload)
	if s.SecretFile != "" || s.AccessSecretFile != "" {
		reloads.add("secret file", func() { s.ReloadSecret(source, logger) })
	}
	return source, nil
}

// open opens the public port, which is the first of ports, and the port for operations unless it is
// switched off. It opens both or none.
func open(
	ctx context.Context, s *service.Settings, ports []edge.Port, operations http.Handler,
) (opened []edge.Port, err error) {
	ports[0].Listener, err = edge.Listen(ctx, s.Name(&s.Listen), s.Listen, s.Limits())
	if err != nil || s.OpsListen == "" {
		return ports, err
	}
	// The limit of connections is the public port's: health checks and metrics stay reachable.
	listener, err := edge.Listen(ctx, s.Name(&s.OpsListen), s.OpsListen, edge.DefaultLimits())
	if err != nil {
		return nil, errors.Join(err, ports[0].Listener.Close())
	}
	return append(ports, edge.Port{Listener: listener, Handler: operations}), nil
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
