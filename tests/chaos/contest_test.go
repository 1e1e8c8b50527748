//go:build linux

package chaos

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// contest is one token that is refreshed on many servers while its session is ended.
type contest struct {
	token string
	// called is set before the revoke is, ended after it has returned.
	called, ended atomic.Bool
	// calm: nothing is broken on purpose, so every request has to be answered with 200 or 422.
	calm bool
	// tries is how many refreshes each client begins after the revoke has returned; 0 for some.
	tries int
}

// refresh refreshes once and judges the answer. It reports whether the refresh began after the
// revoke had returned.
func (c *contest) refresh(t *testing.T, s *node) (late bool, status int) {
	late = c.ended.Load()
	a := s.refresh(c.token)
	switch {
	case a.status == http.StatusOK && late:
		t.Errorf("%s accepted a token after the revoke of its session had returned", s.URL)
	case a.status == http.StatusUnprocessableEntity && !c.called.Load():
		t.Errorf("%s refused a token before anybody revoked it: %s", s.URL, a.body)
	case a.status == http.StatusOK, a.status == http.StatusUnprocessableEntity:
	case c.calm:
		t.Errorf("%s answered %d: %s", s.URL, a.status, a.body)
	case a.status != 0 && a.status != http.StatusServiceUnavailable:
		t.Errorf("%s answered %d: %s", s.URL, a.status, a.body)
	}
	return late, a.status
}

// hammer refreshes until it has tried often enough too late. begun is told when a refresh was
// answered.
func (c *contest) hammer(t *testing.T, s *node, begun *sync.WaitGroup) {
	first, tries := true, c.tries
	if tries == 0 {
		tries = 3
	}
	for late := 0; late < tries && !t.Failed(); {
		wasLate, status := c.refresh(t, s)
		if wasLate {
			late++
		}
		if status == 0 {
			time.Sleep(10 * time.Millisecond)
		}
		if first && (status != 0 || wasLate) {
			first = false
			begun.Done()
		}
	}
	if first {
		begun.Done()
	}
}

// hold runs the contest: each of the servers is hammered, and once all have answered, end ends the
// session.
func (c *contest) hold(t *testing.T, servers []*node, end func()) {
	t.Helper()
	var begun, done sync.WaitGroup
	begun.Add(len(servers))
	for _, s := range servers {
		done.Go(func() { c.hammer(t, s, &begun) })
	}
	begun.Wait()
	c.called.Store(true)
	end()
	c.ended.Store(true)
	done.Wait()
}
