package service

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"kalsel.dev/refresh/impl/edge"
	"kalsel.dev/refresh/impl/problem"
	"kalsel.dev/refresh/impl/store"
)

// Starting is a server whose store is not open yet: it is alive and not ready.
type Starting struct {
	Public http.Handler // answers 503
	Ops    http.Handler

	c      Config
	reason atomic.Pointer[string]
}

// NewStarting returns the handlers for the time until the store is open. Of c it needs Settings and
// Log, and uses Development and Version. It fails if a metric cannot be registered.
func NewStarting(c Config) (*Starting, error) {
	s := &Starting{c: c}
	reason := "the store is not open yet"
	s.reason.Store(&reason)
	registry, err := edge.NewRegistry(c.Version)
	if err != nil {
		return nil, err
	}
	unavailable := func(w http.ResponseWriter, _ *http.Request) {
		problem.Write(w, problem.New(http.StatusServiceUnavailable, "the server is starting"))
	}
	if s.Public, err = c.surround(http.HandlerFunc(unavailable), registry, nil); err != nil {
		return nil, err
	}
	s.Ops = edge.Operations(edge.OperationsConfig{
		Listen:   c.Settings.Name(&c.Settings.Listen),
		Log:      c.Log,
		Registry: registry,
		NotReady: func() []string { return []string{*s.reason.Load()} },
	})
	return s, nil
}

// OpenStore opens the configured store. While the store is unavailable, it tries again every second,
// until ctx ends. It fails at once if waiting cannot help.
func (s *Starting) OpenStore(ctx context.Context) (*store.Store, error) {
	logged := ""
	for {
		db, err := s.open(ctx)
		if err == nil || ctx.Err() != nil || !store.Unavailable(err) {
			return db, err
		}
		reason := "the store is unavailable"
		s.reason.Store(&reason)
		if text := err.Error(); text != logged {
			logged = text
			s.c.Log.Warn("the store is unavailable; the server waits for it", "error", text)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

// slowOpening is how long the store may take to open before a line says so.
const slowOpening = 3 * time.Second

// open opens the store once. It takes as long as the store needs: a large schema is brought up to
// date, or the first commit waits for a standby.
func (s *Starting) open(ctx context.Context) (*store.Store, error) {
	slow := time.AfterFunc(slowOpening, func() {
		const text = "the store does not open yet: its schema is brought up to date, " +
			"or it waits for its synchronous standby"
		reason := text
		s.reason.Store(&reason)
		s.c.Log.Warn(text, "after_ms", slowOpening.Milliseconds())
	})
	defer slow.Stop()
	return s.c.Settings.OpenServerStore(ctx)
}
