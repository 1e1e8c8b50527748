//go:build linux

package chaos

import (
	"net/http"
	"testing"

	"kalsel.dev/refresh/tests/server"
)

// node is a running refreshd.
type node struct{ *server.Refreshd }

// start runs a server on a store and waits until it is ready. It ends with the test.
func start(t *testing.T, store string) *node {
	t.Helper()
	s := launch(t, store)
	await(t, "a server that is ready", s, func() bool { return s.ready().status == 200 })
	return s
}

// launch runs a server and waits until it listens.
func launch(t *testing.T, store string) *node {
	t.Helper()
	return &node{shared.Start(t, "--store="+store)}
}

func await(t *testing.T, event string, s *node, happened func() bool) {
	t.Helper()
	s.Await(t, event, happened)
}

// awaitReady waits until a server is ready.
func awaitReady(t *testing.T, s *node) {
	t.Helper()
	await(t, "a server that is ready", s, func() bool { return s.ready().status == http.StatusOK })
}

// startAll runs several servers on one store.
func startAll(t *testing.T, store string, n int) []*node {
	t.Helper()
	var all []*node
	for range n {
		all = append(all, start(t, store))
	}
	return all
}
