package server

import (
	"cmp"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/keys"
	"kalsel.dev/refresh/impl/service"
	"kalsel.dev/refresh/impl/store"
)

// Options are the settings of an in-process server. The zero value is a server with Secret, a store
// in memory, and no limits.
type Options struct {
	service.Settings
	// Keys sign and verify instead of Secret.
	Keys *jwk.Set
	Now  func() time.Time
	Log  io.Writer
	// StoreUnavailable closes the store before the first request.
	StoreUnavailable bool
	// Run keeps the server's knowledge of revocations up to date, as the program does.
	Run bool
	// Starting makes a server that still waits for its store.
	Starting bool
}

// Handler returns the public routes of a server.
func Handler(tb testing.TB, o Options) http.Handler {
	tb.Helper()
	must := func(err error) {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
	}
	if o.Keys == nil {
		var err error
		o.Keys, err = jwk.SecretSet([]byte(Secret), false)
		must(err)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	db, err := store.Open(tb.Context(), cmp.Or(o.Store, "sqlite::memory:"))
	must(err)
	tb.Cleanup(func() { _ = db.Close() }) // the test is over
	if o.StoreUnavailable {
		must(db.Close())
	}
	logger := slog.New(slog.NewTextHandler(o.Log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	source, err := keys.New(keys.Config{Set: o.Keys, Now: time.Now, Log: logger})
	must(err)
	c := service.Config{
		Settings: &o.Settings,
		Keys:     source,
		Store:    db,
		Log:      logger,
		Now:      o.Now,
	}
	if o.Starting {
		starting, err := service.NewStarting(c)
		must(err)
		return starting.Public
	}
	wired, err := service.New(c)
	must(err)
	if o.Run {
		run(tb, wired)
	}
	return wired.Public
}

// run runs the service until the test ends, and returns when it is ready.
func run(tb testing.TB, s *service.Service) {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Run(ctx)
	}()
	tb.Cleanup(func() {
		cancel()
		<-done
	})
	for {
		w := httptest.NewRecorder()
		s.Ops.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", http.NoBody))
		if w.Code == http.StatusOK {
			return
		}
		select {
		case <-tb.Context().Done():
			tb.Fatal("the server is not ready: ", w.Body)
		case <-time.After(time.Millisecond):
		}
	}
}

// InProcess serves Handler on a free loopback port until the test ends.
func InProcess(tb testing.TB, o Options) *url.URL {
	tb.Helper()
	return Serve(tb, Handler(tb, o))
}

// Serve serves any handler on a free loopback port until the test ends.
func Serve(tb testing.TB, h http.Handler) *url.URL {
	tb.Helper()
	server := httptest.NewServer(h)
	tb.Cleanup(server.Close)
	return URL(tb, server.URL)
}

// URL parses a URL.
func URL(tb testing.TB, text string) *url.URL {
	tb.Helper()
	u, err := url.Parse(text)
	if err != nil {
		tb.Fatal(err)
	}
	return u
}
