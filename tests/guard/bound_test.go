//go:build linux

package guard

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kalsel.dev/refresh/tests/server"
)

// TestBound: no guard accepts an access token in a check that began later than MaxStale after the
// answer to its logout, whatever fails meanwhile. Afterwards each guard is fresh again, rejects
// this token and accepts others.
func TestBound(t *testing.T) {
	t.Parallel()
	for i, rounds := range everyDay() {
		t.Run(fmt.Sprint("world ", i), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, uint64(i))
			for range server.Rounds(0, 2000) {
				rounds = append(rounds, w.drawn())
			}
			for _, names := range rounds {
				if w.round(names); t.Failed() {
					t.Logf("in the round with: %s", strings.Join(names, "; "))
					return
				}
			}
		})
	}
}

// round ends a session while the faults last, and mends them when the guards must have noticed.
func (w *world) round(names []string) {
	w.t.Helper()
	refresh := newToken(w.t)
	token := w.refreshed(refresh)
	w.eachGuard(func(a *api, guard int) {
		a.process.Load().Await(w.t, "a guard to accept a new token", func() bool {
			return a.status(guard, token) == http.StatusOK
		})
	})
	l := &logout{w: w, token: token, mended: make(chan struct{})}
	var watching sync.WaitGroup
	watching.Go(func() { w.eachGuard(l.watch) })
	all := faults()
	for _, name := range names {
		all[name].begin(w)
	}
	w.pause(maxStale / 2)
	w.revoke(refresh)
	answered := time.Now()
	l.answered.Store(&answered)
	w.pause(maxStale / 4)
	for _, name := range names {
		if after := all[name].after; after != nil {
			after(w)
		}
	}
	time.Sleep(time.Until(answered.Add(maxStale + maxStale/10)))
	w.pause(maxStale / 4)
	for _, name := range names {
		all[name].mend(w)
	}
	close(l.mended)
	watching.Wait()
	if slices.Contains(names, "restored store, node") {
		w.noticed(names)
	}
}

// noticed checks that each API has noticed that the feed begins anew. One that was killed in this
// round may have seen the new feed only.
func (w *world) noticed(names []string) {
	w.t.Helper()
	for i := range w.apis {
		log := &w.apis[i].process.Load().Log
		killed := slices.Contains(names, fmt.Sprint("killed, API ", i))
		if !killed && !log.Contains("has lost entries") {
			w.t.Errorf("API %d has not noticed the restore: %s", i, log.Tail())
		}
	}
}

// logout is one logout and the token that it ends.
type logout struct {
	w        *world
	token    string
	answered atomic.Pointer[time.Time] // when the answer was there
	mended   chan struct{}             // closed when all faults are mended
}

// watch checks the token all the time, until the faults are mended and the guard rejects it. A
// check does not wait for the one before, so checks begin while an API is frozen too.
func (l *logout) watch(a *api, guard int) {
	var running sync.WaitGroup
	defer running.Wait()
	deadline := time.Now().Add(server.Patience)
	for {
		select {
		case <-l.mended:
			if l.check(a, guard) == http.StatusUnauthorized {
				return
			}
			if time.Now().After(deadline) {
				l.w.t.Errorf("a guard does not reject the token within %v", server.Patience)
				return
			}
			time.Sleep(10 * time.Millisecond)
		case <-time.After(100 * time.Millisecond):
			running.Go(func() { l.check(a, guard) })
		}
	}
}

// check lets a guard check the token, and returns the status. Too late it must not be accepted.
func (l *logout) check(a *api, guard int) int {
	began := time.Now()
	status := a.status(guard, l.token)
	answered := l.answered.Load()
	if status == http.StatusOK && answered != nil && began.Sub(*answered) > maxStale {
		l.w.t.Errorf("accepted in a check that began %v after the logout", began.Sub(*answered))
	}
	return status
}
