package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"syscall"

	"kalsel.dev/refresh/impl/service"
)

// listeners are the open ports: both, or none.
type listeners struct {
	public net.Listener
	ops    net.Listener // nil if switched off
}

// open opens the configured ports.
func open(ctx context.Context, s *service.Settings) (l listeners, err error) {
	if l.public, err = listen(ctx, "listen", s.Listen); err != nil {
		return l, err
	}
	if s.OpsListen == "" {
		return l, nil
	}
	if l.ops, err = listen(ctx, "ops-listen", s.OpsListen); err != nil {
		return l, errors.Join(err, l.public.Close())
	}
	return l, nil
}

func listen(ctx context.Context, flag, address string) (net.Listener, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", address)
	if err == nil {
		return l, nil
	}
	// net's own text names the system call and the address twice.
	if number, ok := errors.AsType[syscall.Errno](err); ok {
		err = number
	}
	return nil, fmt.Errorf("cannot listen on %s (--%s): %w", address, flag, err)
}

func (l listeners) close() error {
	if l.ops == nil {
		return l.public.Close()
	}
	return errors.Join(l.public.Close(), l.ops.Close())
}

// announce logs where the server can be reached. A missing operations address means that it is switched off.
func (l listeners) announce(logger *slog.Logger) {
	attrs := []any{slog.String("address", l.public.Addr().String())}
	if l.ops != nil {
		attrs = append(attrs, slog.String("operations", l.ops.Addr().String()))
	}
	logger.Info("listening", append(attrs, slog.String("version", buildVersion()))...)
}
