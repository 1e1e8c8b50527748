package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/nettest"
)

// lazyPair is a lazyConn and its peer.
func lazyPair(t testing.TB) (lazy, peer net.Conn) {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer inner.Close()
	if peer, err = net.Dial("tcp", inner.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if lazy, err = (lazyListener{inner}).Accept(); err != nil {
		t.Fatal(err)
	}
	if _, ok := lazy.(*lazyConn); !ok {
		t.Fatalf("accepted a %T", lazy)
	}
	return lazy, peer
}

// TestLazyConn holds a lazyConn to what golang.org/x/net expects of every connection, deadlines above all.
func TestLazyConn(t *testing.T) {
	nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
		lazy, peer := lazyPair(t)
		return lazy, peer, func() { lazy.Close(); peer.Close() }, nil
	})
}

// A deadline that was moved away before it passed ends nothing, and one that was moved nearer does.
func TestLazyConnMovesDeadlines(t *testing.T) {
	lazy, peer := lazyPair(t)
	defer lazy.Close()
	defer peer.Close()
	soon := func(after time.Duration) time.Time { return time.Now().Add(after) }
	for _, moved := range []time.Time{soon(time.Hour), {}} {
		if err := errors.Join(lazy.SetDeadline(soon(10*time.Millisecond)), lazy.SetDeadline(moved)); err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(100*time.Millisecond, func() { _, _ = io.WriteString(peer, "x") })
		if n, err := lazy.Read(make([]byte, 1)); n != 1 || err != nil {
			t.Errorf("moved to %v: %d, %v", moved, n, err)
		}
	}
	if err := errors.Join(lazy.SetReadDeadline(soon(time.Hour)), lazy.SetReadDeadline(soon(10*time.Millisecond))); err != nil {
		t.Fatal(err)
	}
	for range 2 { // while the deadline passes, and after it has
		if n, err := lazy.Read(make([]byte, 1)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("moved nearer: %d, %v", n, err)
		}
	}
}

// The limits of a server hold behind lazy deadlines.
func TestServersCutOffSlowClients(t *testing.T) {
	const short = 500 * time.Millisecond
	written := make(chan error, 1)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/much" {
			var err error
			for chunk := make([]byte, 1<<20); err == nil; {
				_, err = w.Write(chunk)
			}
			written <- err
		}
	})
	l := limits{read: short, write: 4 * short, idle: short, headers: 1 << 12, shutdown: time.Second}
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	logger := slog.New(slog.DiscardHandler)
	server := newServer(handler, l, logger)
	server.ConnContext = func(ctx context.Context, conn net.Conn) context.Context {
		if _, ok := conn.(*lazyConn); !ok {
			t.Errorf("the server has a %T", conn)
		}
		return ctx
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- serveUntil(ctx, logger, l.shutdown, door{server, inner}) }()
	defer func() {
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	}()
	for name, c := range map[string]struct{ says, hears string }{
		"half a header":   {"GET / HTTP/1.1\r\nHost: x", ""},
		"half a body":     {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf", "HTTP/1.1 200 OK"},
		"another request": {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK"},
	} {
		t.Run(name, func(t *testing.T) {
			conn := say(t, inner.Addr(), c.says)
			heard, err := io.ReadAll(conn) // until the server hangs up
			if status, _, _ := strings.Cut(string(heard), "\r\n"); err != nil || status != c.hears {
				t.Errorf("heard %q, %v", heard, err)
			}
		})
	}
	t.Run("an answer that is not read", func(t *testing.T) {
		say(t, inner.Addr(), "GET /much HTTP/1.1\r\nHost: x\r\n\r\n")
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
