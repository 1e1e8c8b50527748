package edge

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// patience is the time after which a test gives up. A test that passes never waits for it.
const patience = time.Minute

func TestServersLimitTheirClients(t *testing.T) {
	l := DefaultLimits()
	s := newServer(http.NotFoundHandler(), l, slog.New(slog.DiscardHandler))
	for name, limited := range map[string]bool{
		"ReadTimeout, which is the header's too": s.ReadTimeout > 0 && s.ReadHeaderTimeout == 0,
		"Write":                                  l.Write > s.ReadTimeout,
		"IdleTimeout":                            s.IdleTimeout > time.Minute,
		"MaxHeaderBytes":                         s.MaxHeaderBytes > 0,
		"ErrorLog":                               s.ErrorLog != nil,
	} {
		if !limited {
			t.Errorf("%s is not set as it should be", name)
		}
	}
}

// serve serves handler behind the edge until the test ends.
func serve(t *testing.T, handler http.HandlerFunc, l Limits) net.Addr {
	t.Helper()
	return serveWith(t, handler, Config{Limits: l})
}

// serveWith is serve with a configuration.
func serveWith(t *testing.T, handler http.HandlerFunc, c Config) net.Addr {
	t.Helper()
	logger, l := slog.New(slog.DiscardHandler), cmp.Or(c.Limits, DefaultLimits())
	c.Log, c.Registry, c.Limits = logger, prometheus.NewRegistry(), l
	h, err := New(handler, c)
	if err != nil {
		t.Fatal(err)
	}
	listener := open(t, l)
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- Serve(ctx, logger, l, Port{Listener: listener, Handler: h}) }()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return listener.Addr()
}

func open(t *testing.T, l Limits) net.Listener {
	t.Helper()
	listener, err := Listen(t.Context(), "a test", "127.0.0.1:0", l)
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

// say sends text over a new connection, which is given up for lost after a while.
func say(t *testing.T, to net.Addr, text string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", to.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	return conn
}

func TestServersCutOffSlowClients(t *testing.T) {
	const short = 500 * time.Millisecond
	written := make(chan error, 1)
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/much" {
			var err error
			for chunk := make([]byte, 1<<20); err == nil; {
				_, err = w.Write(chunk)
			}
			written <- err
		}
	}, Limits{Read: short, Write: 4 * short, Idle: short, Header: 1 << 12, Shutdown: time.Second})
	const post, ok = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n", "HTTP/1.1 200 OK"
	for name, c := range map[string]struct{ says, hears string }{
		"half a header":   {"GET / HTTP/1.1\r\nHost: x", ""},
		"half a body":     {post + "half", ok},
		"another request": {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", ok},
	} {
		t.Run(name, func(t *testing.T) {
			conn := say(t, address, c.says)
			heard, err := io.ReadAll(conn) // until the server hangs up
			if status, _, _ := strings.Cut(string(heard), "\r\n"); err != nil || status != c.hears {
				t.Errorf("heard %q, %v", heard, err)
			}
		})
	}
	t.Run("an answer that is not read", func(t *testing.T) {
		say(t, address, "GET /much HTTP/1.1\r\nHost: x\r\n\r\n")
		select {
		case err := <-written:
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("writing ended with %v", err)
			}
		case <-time.After(patience):
			t.Error("writing does not end")
		}
	})
}

// A request that never ends is cut off when the time for stopping is over, and the log says so.
func TestServeCutsOffRequestsThatDoNotEnd(t *testing.T) {
	listener := open(t, DefaultLimits())
	ctx, cancel := context.WithCancel(t.Context())
	stuck := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	say(t, listener.Addr(), "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	var log lockedBuffer
	limits := DefaultLimits()
	limits.Shutdown = 10 * time.Millisecond
	logger := slog.New(slog.NewTextHandler(&log, nil))
	if err := Serve(ctx, logger, limits, Port{Listener: listener, Handler: stuck}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "requests still in flight were cut off") {
		t.Errorf("logged %s", log.String())
	}
}

// If one port fails, the others are closed and the failure is returned.
func TestServeReturnsAFailure(t *testing.T) {
	ports := []Port{
		{Listener: open(t, DefaultLimits()), Handler: http.NotFoundHandler()},
		{Listener: open(t, DefaultLimits()), Handler: http.NotFoundHandler()},
	}
	if err := ports[1].Listener.Close(); err != nil {
		t.Fatal(err)
	}
	logger := slog.New(slog.DiscardHandler)
	if err := Serve(t.Context(), logger, DefaultLimits(), ports...); err == nil {
		t.Fatal("no error though a listener is closed")
	}
}

func TestListenNamesTheSetting(t *testing.T) {
	taken := open(t, DefaultLimits())
	defer taken.Close()
	_, err := Listen(t.Context(), "--port", taken.Addr().String(), DefaultLimits())
	want := "cannot listen on " + taken.Addr().String() + " (--port): address already in use"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

// After SIGTERM a server goes on for the time of the drain; after SIGINT it stops at once.
func TestDrain(t *testing.T) {
	for cause, drains := range map[error]bool{ErrTerminated: true, context.Canceled: false} {
		limits := DefaultLimits()
		limits.Drain = time.Second
		listener := open(t, limits)
		ctx, stop := context.WithCancelCause(t.Context())
		stop(cause)
		logger := slog.New(slog.DiscardHandler)
		began := time.Now()
		err := Serve(ctx, logger, limits, Port{Listener: listener, Handler: http.NotFoundHandler()})
		if took := time.Since(began); err != nil || (took >= limits.Drain) != drains {
			t.Errorf("after %v the server stopped within %v: %v", cause, took, err)
		}
	}
}

// Connections beyond the limit wait; they are served when others close.
func TestConnectionsAreLimited(t *testing.T) {
	limits := DefaultLimits()
	limits.Connections = 2
	address := serve(t, func(http.ResponseWriter, *http.Request) {}, limits)
	const get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
	heard := func(conn net.Conn, limit time.Duration) bool {
		if err := conn.SetReadDeadline(time.Now().Add(limit)); err != nil {
			t.Fatal(err)
		}
		_, err := conn.Read(make([]byte, 12))
		return err == nil
	}
	first, second := say(t, address, get), say(t, address, get)
	if !heard(first, patience) || !heard(second, patience) {
		t.Fatal("no answer within the limit of connections")
	}
	third := say(t, address, get)
	if heard(third, 100*time.Millisecond) {
		t.Error("a connection beyond the limit was served")
	}
	first.Close()
	if !heard(third, patience) {
		t.Error("no answer after another connection was closed")
	}
}
