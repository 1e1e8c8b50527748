package session_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/impl/store"
)

func openStore(t *testing.T, url string) *store.Store {
	t.Helper()
	s, err := store.Open(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// inBubble runs the test with a store in memory and a time that passes only while everything waits.
func inBubble(t *testing.T, test func(t *testing.T, s *store.Store)) {
	synctest.Test(t, func(t *testing.T) { test(t, openStore(t, "sqlite::memory:")) })
}

func newNode(s *store.Store) *revocation.Node {
	return revocation.NewNode(s, revocation.SystemClock(), slog.New(slog.DiscardHandler))
}

func newRevoker(s *store.Store, n *revocation.Node) *session.Revoker {
	return session.NewRevoker(session.RevokerConfig{
		Store:       s,
		Clock:       revocation.SystemClock(),
		Log:         slog.New(slog.DiscardHandler),
		Node:        n,
		MaxLifetime: 365 * day,
	})
}

// run runs the node until the test ends.
func run(t *testing.T, n *revocation.Node) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		n.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
}

// wants fails unless the subject's token is answered with the error.
func wants(t *testing.T, n *revocation.Node, of session.Subject, want error) {
	t.Helper()
	if err := session.Reject(context.Background(), n, of); !errors.Is(err, want) {
		t.Errorf("got %v, want %v", err, want)
	}
}
