package edge

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"

	"golang.org/x/net/netutil"
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
	// Connections is how many connections a port has at a time. Further ones wait until one is
	// closed. 0 is no limit.
	Connections int
	// Header is the size of the largest request header, in bytes. Go's own limit is 1 MiB.
	Header int
	// Drain is the time between SIGTERM and the end of listening. Load balancers learn meanwhile
	// that the server is not ready.
	Drain time.Duration
	// Shutdown is the time for requests in flight once listening has ended.
	Shutdown time.Duration
}

// ErrTerminated is the cause of a context that ends because of SIGTERM. Serve then drains.
var ErrTerminated = errors.New("terminated")

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

// ConnectionsOfFiles returns how many connections the limit of open files allows. A quarter of the
// files, and at most 64, are left for the store, the operations listener and the rest.
func ConnectionsOfFiles() int {
	files := openFiles()
	return int(max(1, min(files-min(files/4, 64), 20_000)))
}

// Listen opens a TCP port. Setting names the setting that holds the address, for the error.
func Listen(ctx context.Context, setting, address string, l Limits) (net.Listener, error) {
	config := net.ListenConfig{Control: limitUnread(l.Write)}
	config.SetMultipathTCP(false) // it knows no user timeout
	listener, err := config.Listen(ctx, "tcp", address)
	if err == nil {
		if l.Connections > 0 {
			listener = netutil.LimitListener(listener, l.Connections)
		}
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
	TLS      *tls.Config // nil: plain HTTP
}

// Serve answers on all ports until ctx ends or one of them fails. If the cause of that end is
// ErrTerminated, it goes on for Limits.Drain. Then it closes the ports in order,
// each when its requests in flight are answered; requests that take longer than Limits.Shutdown,
// all ports together, are cut off.
func Serve(ctx context.Context, log *slog.Logger, l Limits, ports ...Port) error {
	servers := make([]*http.Server, len(ports))
	ended := make(chan error, len(ports))
	for i, p := range ports {
		servers[i] = newServer(p.Handler, l, log)
		go func() {
			if p.TLS == nil {
				ended <- servers[i].Serve(p.Listener)
				return
			}
			servers[i].TLSConfig = p.TLS
			ended <- servers[i].ServeTLS(p.Listener, "", "")
		}()
	}
	var failure error
	running := len(ports)
	select {
	case failure = <-ended:
		running--
	case <-ctx.Done():
		cause := context.Cause(ctx)
		if errors.Is(cause, ErrTerminated) && l.Drain > 0 {
			log.Info("draining: not ready, and still serving", "for_ms", l.Drain.Milliseconds())
			select {
			case failure = <-ended:
				running--
			case <-time.After(l.Drain):
			}
		}
		if errors.Is(cause, ErrTerminated) || errors.Is(cause, context.Canceled) {
			log.Info("stopping")
		} // otherwise the caller reports the error that ended ctx
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
	errorLines := serverErrors{Handler: log.Handler(), lines: &failureLines{}}
	s := &http.Server{
		Handler:        h,
		ReadTimeout:    l.Read, // of the header too
		IdleTimeout:    l.Idle,
		MaxHeaderBytes: l.Header,
		ErrorLog:       slog.NewLogLogger(errorLines, slog.LevelWarn),

		DisableGeneralOptionsHandler: true, // OPTIONS * is answered like any other request
	}
	countConnections(s)
	return s
}
