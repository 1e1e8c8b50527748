package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"kalsel.dev/refresh/tests/server"
)

// stores calls test for each engine.
func stores(t *testing.T, test func(t *testing.T, url string)) {
	t.Run("sqlite", func(t *testing.T) {
		test(t, "sqlite:"+filepath.Join(t.TempDir(), "refresh.db"))
	})
	t.Run("postgres", func(t *testing.T) { test(t, server.StartPostgres(t).NewDatabase(t)) })
}

// TestClocksWithinSkew: if clocks differ by as much as is allowed, no user is logged out and no used
// token is accepted.
func TestClocksWithinSkew(t *testing.T) {
	stores(t, func(t *testing.T, url string) {
		for _, ahead := range []time.Duration{9 * time.Second, -9 * time.Second} {
			a, b := startShifted(t, url, 0), startShifted(t, url, ahead)
			a.ready(t, true)
			b.ready(t, true)
			raw := loginToken(t)
			for _, pair := range [][2]*shiftedNode{{a, b}, {b, a}} {
				first := pair[0].refresh(t, raw)
				again := pair[1].refresh(t, raw) // the second tab
				newest := pair[1].refresh(t, first.RefreshToken)
				if first.Status != 200 || again.Status != 200 || newest.Status != 200 ||
					again.RefreshToken != first.RefreshToken ||
					newest.RefreshToken != first.RefreshToken {
					t.Errorf("%v ahead: %+v, %+v, %+v", ahead, first, again, newest)
				}
			}
		}
		usedWithinSkew(t, url)
	})
}

// usedWithinSkew: a token that was used up is rejected by a node whose clock is as far behind, or
// ahead, as is allowed, and the session is revoked.
func usedWithinSkew(t *testing.T, url string) {
	t.Helper()
	n := startShifted(t, url, 0, "--rotation-window=0s")
	for _, presented := range []time.Duration{9 * time.Second, -9 * time.Second, 0} {
		raw := loginToken(t)
		n.set(t, -9*time.Second)
		first := n.refresh(t, raw)
		n.set(t, 9*time.Second) // past the window and the tolerance: the session moves on
		second := n.refresh(t, first.RefreshToken)
		n.set(t, presented)
		if presented == 0 { // the last rotation is 9 s ahead
			again := n.refresh(t, first.RefreshToken)
			if again.Status != 200 || again.RefreshToken != second.RefreshToken {
				t.Errorf("the token before, at %v: %+v", presented, again)
			}
		}
		used := n.refresh(t, raw)
		wantClock := presented < 0 // the last rotation is 18 s ahead: two clocks differ too much
		if wantClock {
			n.set(t, 0)
		}
		after := n.refresh(t, raw)
		if first.Status != 200 || second.Status != 200 ||
			first.RefreshToken == second.RefreshToken ||
			used.Status == 200 || (used.Status == 503) != wantClock || after.Status != 422 {
			t.Errorf("at %v: %+v, %+v, then the used token %+v, %+v", presented, first, second,
				used, after)
		}
	}
}

// TestRotatedInTheFuture: a node that was two minutes ahead has rotated. The others, and the node itself once its clock is right, wait
// until that time has come, and then go on.
func TestRotatedInTheFuture(t *testing.T) {
	url := "sqlite:" + filepath.Join(t.TempDir(), "refresh.db")
	a, b := startShifted(t, url, 2*time.Minute), startShifted(t, url, 0)
	raw := loginToken(t)
	first := a.refresh(t, raw)
	if first.Status != 200 {
		t.Fatalf("got %+v", first)
	}
	a.set(t, 0)
	for _, n := range []*shiftedNode{a, b} {
		for name, raw := range map[string]string{
			"the predecessor": raw,
			"the newest":      first.RefreshToken,
		} {
			got := n.refresh(t, raw)
			seconds, err := strconv.Atoi(got.RetryAfter)
			if got.Status != 503 || got.Kind != "unavailable" || err != nil || seconds < 1 ||
				seconds > 60 ||
				!slices.ContainsFunc(got.Causes, func(cause string) bool {
					return strings.Contains(cause, "clock")
				}) {
				t.Errorf("%s: %+v", name, got)
			}
		}
	}
	const counted = `refreshd_refreshes_total{cause="",outcome="clock"} 2`
	for _, n := range []*shiftedNode{a, b} {
		if metrics := n.operationsPage(t, "/metrics"); !strings.Contains(metrics, counted+"\n") {
			t.Errorf("the metrics do not have %s:\n%s", counted, metrics)
		}
	}
	b.set(t, 2*time.Minute)
	if got := b.refresh(t, raw); got.RefreshToken != first.RefreshToken {
		t.Errorf("two minutes later: %+v", got)
	}
}

// TestClockDiffersFromTheStores: a node whose clock is wrong says so and answers 503, also to tokens
// that expired or are not valid yet by its clock, and goes on by itself once the clock is right.
func TestClockDiffersFromTheStores(t *testing.T) {
	postgres := server.StartPostgres(t)
	for _, ahead := range []time.Duration{time.Hour, -time.Hour, 400 * 24 * time.Hour} {
		n := startShifted(t, postgres.NewDatabase(t), 0)
		n.ready(t, true)
		raw := loginToken(t)
		first := n.refresh(t, raw)
		n.set(t, ahead)
		n.ready(t, false)
		if got := n.refresh(t, first.RefreshToken); got.Status != 503 || got.RetryAfter == "" {
			t.Errorf("%v ahead: %+v", ahead, got)
		}
		n.Await(t, "the alarm in the log", func() bool {
			return n.Log.Contains("The clock of this server differs")
		})
		n.set(t, 0)
		n.ready(t, true)
		if got := n.refresh(t, raw); first.Status != 200 || got.RefreshToken != first.RefreshToken {
			t.Errorf("%v ahead, set right: %+v, then %+v", ahead, first, got)
		}
	}
	// The command line refuses to revoke by a wrong clock.
	clock := filepath.Join(t.TempDir(), "clock")
	if err := os.WriteFile(clock, []byte("-1h"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "refreshd-shifted", "revoke", "--identity=ann",
		"--store="+postgres.NewDatabase(t))
	cmd.Env = []string{shiftFile + "=" + clock}
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "no session was revoked") {
		t.Errorf("revoke: %v, %s", err, out)
	}
}
