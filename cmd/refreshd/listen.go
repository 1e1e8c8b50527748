package main

import (
	"context"
	"errors"
	"log/slog"
	"net"

	"kalsel.dev/refresh/impl/edge"
	"kalsel.dev/refresh/impl/service"
)

// listeners are the open ports: both, or none.
type listeners struct {
	public net.Listener
	ops    net.Listener // nil if switched off
}

// open opens the configured ports.
func open(ctx context.Context, s *service.Settings) (l listeners, err error) {
	limits := edge.DefaultLimits()
	if l.public, err = edge.Listen(ctx, "--listen", s.Listen, limits); err != nil {
		return l, err
	}
	if s.OpsListen == "" {
		return l, nil
	}
	if l.ops, err = edge.Listen(ctx, "--ops-listen", s.OpsListen, limits); err != nil {
		return l, errors.Join(err, l.public.Close())
	}
	return l, nil
}

func (l listeners) close() error {
	if l.ops == nil {
		return l.public.Close()
	}
	return errors.Join(l.public.Close(), l.ops.Close())
}

// announce logs where the server can be reached. A missing operations address means that it is
// switched off.
func (l listeners) announce(logger *slog.Logger) {
	attrs := []any{slog.String("address", l.public.Addr().String())}
	if l.ops != nil {
		attrs = append(attrs, slog.String("operations", l.ops.Addr().String()))
	}
	logger.Info("listening", append(attrs, slog.String("version", buildVersion()))...)
}
