//go:build linux

package ha

import (
	"context"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kalsel.dev/refresh/tests/server"
)

const (
	// every is how often a request begins at each node, whether or not earlier ones were answered.
	every = 20 * time.Millisecond
	// logOuts is the share of users who log out, one of this many.
	logOuts = 20
)

// load is users of all nodes. A user refreshes with the newest token that was received, again if
// the answer was 503 or got lost; logs out after a while, again until that is acknowledged; and
// tries the token afterwards.
type load struct {
	nodes []*node

	mu       sync.Mutex
	idle     []*user
	revoked  []string // refresh tokens whose revocation was acknowledged
	failures []string

	logouts atomic.Int64
	stopped context.CancelFunc
	tasks   sync.WaitGroup
}

type node struct {
	*server.Refreshd
	refreshes successes
}

type user struct {
	token   string // the newest that was received
	leaving bool   // a logout was sent, and is not acknowledged
}

func startLoad(t *testing.T, servers []*server.Refreshd) *load {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	l := &load{stopped: stop}
	for _, s := range servers {
		n := &node{Refreshd: s}
		l.nodes = append(l.nodes, n)
		l.repeat(ctx, func() { l.act(n) })
		l.repeat(ctx, func() { l.tryRevoked(n) })
	}
	t.Cleanup(func() {
		stop()
		l.tasks.Wait()
	})
	return l
}

// repeat begins f again and again, without waiting for its end.
func (l *load) repeat(ctx context.Context, f func()) {
	l.tasks.Go(func() {
		for ctx.Err() == nil {
			l.tasks.Go(f)
			time.Sleep(every)
		}
	})
}

// take returns a user who waits for no answer.
func (l *load) take() *user {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.idle) == 0 {
		return &user{token: login()}
	}
	at := rand.N(len(l.idle))
	u := l.idle[at]
	l.idle = slices.Delete(l.idle, at, at+1)
	return u
}

// act sends a user's next request to a node.
func (l *load) act(n *node) {
	u := l.take()
	if u.leaving = u.leaving || rand.N(logOuts) == 0; u.leaving {
		l.leave(n, u)
		return
	}
	switch a := n.refresh(u.token); a.status {
	case http.StatusOK:
		u.token = a.refreshToken
		n.refreshes.add()
	case http.StatusServiceUnavailable, 0:
	default:
		l.fail("a user was logged out: " + a.String())
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.idle = append(l.idle, u)
}

func (l *load) leave(n *node, u *user) {
	a := n.revoke(u.token)
	l.mu.Lock()
	switch a.status {
	case http.StatusNoContent:
		l.revoked = append(l.revoked, u.token)
		l.mu.Unlock()
		l.logouts.Add(1)
		for _, n := range l.nodes {
			l.mustReject(n, u.token)
		}
		return
	case http.StatusServiceUnavailable, 0:
		l.idle = append(l.idle, u)
	}
	l.mu.Unlock()
	if a.status/100 == 4 {
		l.fail("a logout was rejected: " + a.String())
	}
}

// tryRevoked sends the token of a user who logged out.
func (l *load) tryRevoked(n *node) {
	l.mu.Lock()
	token := ""
	if len(l.revoked) > 0 {
		token = l.revoked[rand.N(len(l.revoked))]
	}
	l.mu.Unlock()
	if token != "" {
		l.mustReject(n, token)
	}
}

// mustReject notes a failure if a revoked token is accepted. It returns whether it was rejected.
func (l *load) mustReject(n *node, token string) (answer, bool) {
	a := n.refresh(token)
	if a.status != http.StatusUnprocessableEntity && a.status != http.StatusServiceUnavailable && a.status != 0 {
		l.fail(time.Now().Format(time.TimeOnly) + " a revoked token: " + a.String())
	}
	return a, a.status == http.StatusUnprocessableEntity
}

func (l *load) fail(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failures = append(l.failures, text)
}

// awaitAll waits until each node has answered several refreshes, and a logout, since a moment.
func (l *load) awaitAll(t *testing.T, since time.Time) {
	t.Helper()
	logouts := l.logouts.Load()
	for deadline := time.Now().Add(server.Patience); ; time.Sleep(10 * time.Millisecond) {
		all := l.logouts.Load() > logouts
		for _, n := range l.nodes {
			all = all && n.refreshes.count(since) >= 20
		}
		if all {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the nodes do not answer")
		}
	}
}
