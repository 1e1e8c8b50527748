// Package deploy starts servers for tests: the real handler behind a real port, or the real program.
package deploy

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"kalsel.dev/refresh/impl/api"
	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/impl/store"
	"kalsel.dev/refresh/impl/token"
)

// Secret is the HS256 secret of servers that tests start.
const Secret = "a secret for tests only, not for anything else"

// Options are what differs between the servers of tests. The zero value is a server with default settings.
type Options struct {
	Rules token.Rules
	Now   func() time.Time
	Log   io.Writer
	// Rotation turns rotation mode on; its Sessions and Directory are the server's own.
	Rotation *session.Rotation
	// StoreAway takes the store away before the first request.
	StoreAway bool
}

// Handler returns the public routes of a server with Secret.
func Handler(tb testing.TB, o Options) http.Handler {
	tb.Helper()
	keys, err := token.SecretKeySet([]byte(Secret), false)
	if err != nil {
		tb.Fatal(err)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	db, err := store.Open(tb.Context(), "sqlite::memory:")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = db.Close() }) // nothing of it is kept
	if o.StoreAway {
		_ = db.Close() // whatever it says, it does not answer any more
	}
	logger := slog.New(slog.NewTextHandler(o.Log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if o.Rotation != nil {
		rotation := *o.Rotation
		rotation.Sessions, rotation.Directory = db, db
		o.Rotation = &rotation
	}
	handler, err := api.New(api.Config{
		Sessions:   session.New(session.Config{Keys: keys, Rules: o.Rules, Store: db, Rotation: o.Rotation, Log: logger, Now: o.Now}),
		Logger:     logger,
		Registry:   prometheus.NewRegistry(),
		PublicKeys: func() ([]byte, error) { return keys.MarshalPublic(o.Now()) },
	})
	if err != nil {
		tb.Fatal(err)
	}
	return handler
}

// InProcess serves Handler on a free port of loopback until the test ends.
func InProcess(tb testing.TB, o Options) *url.URL {
	tb.Helper()
	return Serve(tb, Handler(tb, o))
}

// Serve serves any handler on a free port of loopback until the test ends.
func Serve(tb testing.TB, h http.Handler) *url.URL {
	tb.Helper()
	server := httptest.NewServer(h)
	tb.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	if err != nil {
		tb.Fatal(err)
	}
	return u
}
