//go:build linux

package ha

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"kalsel.dev/refresh/tests/server"
)

// check sends the tokens of all users to all nodes: those who are logged in are accepted, those who
// logged out are rejected.
func (l *load) check(t *testing.T) {
	t.Helper()
	defer l.report(t)
	l.mu.Lock()
	idle := l.idle
	l.idle = nil // so that no other request is sent with their tokens
	revoked := slices.Clone(l.revoked)
	l.mu.Unlock()
	for _, n := range l.nodes {
		for _, u := range idle {
			if u.leaving {
				continue // it is not known whether the logout took effect
			}
			l.mustAccept(t, n, u)
		}
		for _, token := range revoked {
			mustBecome(t, "the rejection of a revoked token", func() (answer, bool) {
				return l.mustReject(n, token)
			})
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.idle = append(l.idle, idle...)
	t.Logf("%d users are logged in and %d have logged out", len(idle), len(revoked))
}

// report shows the failures since it was called last.
func (l *load) report(t *testing.T) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, f := range l.failures {
		if i == 10 {
			t.Errorf("%d more failures", len(l.failures)-i)
			break
		}
		t.Error(f)
	}
	l.failures = nil
}

func (l *load) mustAccept(t *testing.T, n *node, u *user) {
	t.Helper()
	mustBecome(t, "a refresh", func() (answer, bool) {
		a := n.refresh(u.token)
		switch a.status {
		case http.StatusOK:
			u.token = a.refreshToken
		case http.StatusServiceUnavailable, 0:
			return a, false
		default:
			l.fail("a user was logged out: " + a.String())
		}
		return a, true
	})
}

func mustBecome(t *testing.T, event string, try func() (answer, bool)) {
	t.Helper()
	for deadline := time.Now().Add(server.Patience); ; time.Sleep(10 * time.Millisecond) {
		a, happened := try()
		if happened {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: it did not happen within %v; the last answer is %v", event, server.Patience, a)
		}
	}
}
