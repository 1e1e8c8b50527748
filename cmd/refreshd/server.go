package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// limits bound what one client can hold. The defaults suit requests of at most 16 KiB that take milliseconds.
type limits struct {
	read     time.Duration // to send header and body: a client that drips bytes is cut off
	write    time.Duration // from the header to the last byte of the answer: also a client that does not read
	idle     time.Duration // between requests: above the 60 s of common load balancers, which must be the first to close
	headers  int           // bytes of header; echo's and Go's own limit of 1 MiB is a gift to attackers
	shutdown time.Duration // for requests in flight once stopping has begun
}

func defaultLimits() limits {
	return limits{
		read: 10 * time.Second, write: 20 * time.Second, idle: 120 * time.Second,
		headers: 16 << 10, shutdown: 10 * time.Second,
	}
}

func newServer(h http.Handler, l limits, logger *slog.Logger) *http.Server {
	return &http.Server{
		Handler:        h,
		ReadTimeout:    l.read, // the header's too
		WriteTimeout:   l.write,
		IdleTimeout:    l.idle,
		MaxHeaderBytes: l.headers,
		ErrorLog:       slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
}

// door is a server and the port that it answers on.
type door struct {
	server   *http.Server
	listener net.Listener
}

// serveUntil answers on all doors until ctx ends, or one of them fails. Then it closes them in order, each when its
// requests in flight are answered; those that take longer than grace, all together, are cut off.
func serveUntil(ctx context.Context, logger *slog.Logger, grace time.Duration, doors ...door) error {
	ended := make(chan error, len(doors))
	for _, d := range doors {
		go func() { ended <- d.server.Serve(lazyListener{d.listener}) }()
	}
	var failure error
	running := len(doors)
	select {
	case failure = <-ended:
		running--
	case <-ctx.Done():
		logger.Info("stopping")
	}
	shutDown(context.WithoutCancel(ctx), logger, grace, doors)
	for range running {
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			failure = errors.Join(failure, err)
		}
	}
	return failure
}

func shutDown(ctx context.Context, logger *slog.Logger, grace time.Duration, doors []door) {
	ctx, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	for _, d := range doors {
		if err := d.server.Shutdown(ctx); errors.Is(err, context.DeadlineExceeded) {
			logger.Warn("requests still in flight were cut off", "address", d.listener.Addr().String(), "after", grace.String())
		}
		d.server.Close()
	}
}
