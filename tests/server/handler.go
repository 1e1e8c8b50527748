package server

import (
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
	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/impl/store"
	"kalsel.dev/refresh/impl/token"
)

// Options are the settings of an in-process server. The zero value has the program's defaults.
type Options struct {
	Rules token.Rules
	Now   func() time.Time
	Log   io.Writer
	// Rotation turns rotation mode on.
	Rotation *session.Rotation
	// StoreAway makes the store unavailable before the first request.
	StoreAway bool
}

// Handler returns the public routes of a server with Secret.
func Handler(tb testing.TB, o Options) http.Handler {
	tb.Helper()
	set, err := jwk.SecretSet([]byte(Secret), false)
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
	tb.Cleanup(func() { _ = db.Close() }) // it is a store in memory
	if o.StoreAway {
		_ = db.Close() // the store does not answer any more
	}
	logger := slog.New(slog.NewTextHandler(o.Log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	settings := &service.Settings{
		Issuer:        o.Rules.Issuer,
		Audience:      o.Rules.Audience,
		RequireType:   o.Rules.RequireType,
		TokenLifetime: service.Duration(o.Rules.TokenLifetime),
		MaxLifetime:   service.Duration(o.Rules.MaxLifetime),
	}
	if o.Rotation != nil {
		settings.Rotation = true
		settings.RotationWindow = service.Duration(o.Rotation.Window)
		settings.IdleLifetime = service.Duration(o.Rotation.IdleLifetime)
		settings.SessionLifetime = service.Duration(o.Rotation.SessionLifetime)
	}
	source, err := keys.New(keys.Config{Set: set, Now: time.Now, Log: logger})
	if err != nil {
		tb.Fatal(err)
	}
	wired, err := service.New(service.Config{
		Settings: settings,
		Keys:     source,
		Store:    db,
		Log:      logger,
		Now:      o.Now,
	})
	if err != nil {
		tb.Fatal(err)
	}
	return wired.Public
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
	u, err := url.Parse(server.URL)
	if err != nil {
		tb.Fatal(err)
	}
	return u
}
