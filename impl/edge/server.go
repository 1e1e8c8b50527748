package edge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"
)

// Limits bound the resources that one client can hold. The defaults suit requests of at most 16 KiB
// that take milliseconds.
type Limits struct {
	// Read is the time to send header and body: a client that drips bytes is cut off.
	Read time.Duration
	// Write is the time to take a large answer, and the time for which a client may leave any
	// answer unread before its connection is closed.
	Write time.Duration
	// Idle is the time between two requests of a connection. It is above the 60 s of common load
	// balancers, which must be the first to close.
	Idle time.Duration
	// Header is the size of the largest request header, in bytes. Go's own limit is 1 MiB.
	Header int
	// Shutdown is the time for requests in flight once stopping has begun.
	Shutdown time.Duration
}

// DefaultLimits returns the limits of the server.
func DefaultLimits() Limits {
	return Limits{
		Read:     10 * time.Second,
		Write:    20 * time.Second,
		Idle:     120 * time.Second,
		Header:   16 << 10,
		Shutdown: 10 * time.Second,
	}
}

// Listen opens a TCP port. Setting names the setting that holds the address, for the error.
func Listen(ctx context.Context, setting, address string, l Limits) (net.Listener, error) {
	config := net.ListenConfig{Control: limitUnread(l.Write)}
	config.SetMultipathTCP(false) // it knows no user timeout
	listener, err := config.Listen(ctx, "tcp", address)
	if err == nil {
		return listener, nil
	}
	// The text of package net names the system call and repeats the address.
	if number, ok := errors.AsType[syscall.Errno](err); ok {
		err = number
	}
	return nil, fmt.Errorf("cannot listen on %s (%s): %w", address, setting, err)
}

// Port is an open port and the handler that answers on it.
type Port struct {
	Listener net.Listener
	Handler  http.Handler
}

// Serve answers on all ports until ctx ends or one of them fails. Then it closes them in order,
// each when its requests in flight are answered; requests that take longer than Limits.Shutdown,
// all ports together, are cut off.
func Serve(ctx context.Context, log *slog.Logger, l Limits, ports ...Port) error {
	servers := make([]*http.Server, len(ports))
	ended := make(chan error, len(ports))
	for i, p := range ports {
		servers[i] = newServer(p.Handler, l, log)
		go func() { ended <- servers[i].Serve(p.Listener) }()
	}
	var failure error
	running := len(ports)
	select {
	case failure = <-ended:
		running--
	case <-ctx.Done():
		log.Info("stopping")
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.Shutdown)
	defer cancel()
	for i, p := range ports {
		if err := servers[i].Shutdown(ctx); errors.Is(err, context.DeadlineExceeded) {
			log.Warn("requests still in flight were cut off",
				"address", p.Listener.Addr().String(), "after_ms", l.Shutdown.Milliseconds())
		}
		servers[i].Close()
	}
	for range running {
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			failure = errors.Join(failure, err)
		}
	}
	return failure
}

// newServer returns a server without net/http's WriteTimeout, which sets and clears a deadline for
// each request. The edge and the TCP user timeout limit the same clients at a lower cost
// (docs/decisions/0008-hot-path.md).
func newServer(h http.Handler, l Limits, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:        h,
		ReadTimeout:    l.Read, // of the header too
		IdleTimeout:    l.Idle,
		MaxHeaderBytes: l.Header,
		ConnContext:    withConnection,
		ErrorLog:       slog.NewLogLogger(log.Handler(), slog.LevelWarn),

		DisableGeneralOptionsHandler: true, // OPTIONS * is answered like any other request
	}
}
