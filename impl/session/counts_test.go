package session_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kalsel.dev/refresh/impl/audit"
	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/impl/token"
	"kalsel.dev/refresh/tests/logs"
)

// testSecret signs the tokens of the tests of this package.
const testSecret = "a test secret that has 32 bytes."

// rotating is a service in rotation mode with a store of its own, in a bubble of time.
type rotating struct {
	*session.Service
	log    logs.Log
	events []audit.Event // the tests refresh one after another
}

// Record implements session.Auditor.
func (r *rotating) Record(_ context.Context, e audit.Event) { r.events = append(r.events, e) }

const rotationWindow = 30 * time.Second

func newRotating(t *testing.T, keys *jwk.Set) *rotating {
	t.Helper()
	r := &rotating{}
	r.Service = session.New(session.Config{
		Keys:     keys,
		Store:    openStore(t, "sqlite::memory:"),
		Log:      slog.New(slog.NewTextHandler(&r.log, nil)),
		Audit:    r,
		Rotation: &session.Rotation{Window: rotationWindow},
		Now:      time.Now,
	})
	return r
}

// redeem refreshes and returns the next refresh token.
func (r *rotating) redeem(t *testing.T, raw string, want error) string {
	t.Helper()
	g, err := r.Refresh(t.Context(), raw, time.Hour, session.Client{})
	if !errors.Is(err, want) {
		t.Fatalf("got %v, want %v", err, want)
	}
	return g.RefreshToken
}

func (r *rotating) counted(t *testing.T, want session.Counts) {
	t.Helper()
	if got := r.Rotations(); got == nil || *got != want {
		t.Errorf("counted %+v, want %+v", got, want)
	}
}

// TestCounts: each answer of the decision table is counted once, and a lost answer and a token that
// is ahead of the store are reported.
func TestCounts(t *testing.T) {
	if lateService(t, &lateKeys{}).Rotations() != nil {
		t.Error("a stateless service counts rotations")
	}
	synctest.Test(t, func(t *testing.T) {
		keys, err := jwk.SecretSet([]byte(testSecret), false)
		if err != nil {
			t.Fatal(err)
		}
		claims := []byte(`{"identity":"me","jti":"one","iat":946684800,"exp":1800000000,"type":1}`)
		login, err := token.NewMinter(keys, token.Rules{}).Issue(claims, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		one, empty, older := newRotating(t, keys), newRotating(t, keys), newRotating(t, keys)
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		defer running.Wait()
		defer stop()
		for _, r := range []*rotating{one, empty, older} {
			running.Go(func() { r.Run(ctx) })
			for !r.Status().HasLease {
				time.Sleep(time.Millisecond)
			}
		}

		first := one.redeem(t, login, nil)
		if again := one.redeem(t, login, nil); again != first {
			t.Error("a retry gets another token")
		}
		time.Sleep(rotationWindow)
		one.redeem(t, login, nil) // its answer was lost
		second := one.redeem(t, first, nil)
		one.redeem(t, second, nil)
		one.counted(t, session.Counts{Adopted: 1, Again: 1, Late: 1, Advanced: 1, Same: 1})
		time.Sleep(rotationWindow)
		one.redeem(t, second, nil)
		one.counted(t, session.Counts{Adopted: 1, Again: 1, Late: 1, Advanced: 2, Same: 1})
		one.redeem(t, login, session.ErrReused)
		one.counted(
			t,
			session.Counts{Adopted: 1, Again: 1, Late: 1, Advanced: 2, Same: 1, Reused: 1},
		)
		names := ""
		for _, e := range one.events {
			names += e.Name + "/" + e.Cause + " "
			if e.Identity != "me" || len(e.Session) != 64 {
				t.Errorf("an event names no session: %+v", e)
			}
		}
		const want = "late_replay/ revocation/session reuse/revoked refresh_refused/reused "
		if names != want {
			t.Errorf("events %s, want %s", names, want)
		}

		// A store that was restored knows less than the tokens.
		empty.redeem(t, first, nil)
		empty.counted(t, session.Counts{Advanced: 1, Healed: 1})
		older.redeem(t, login, nil)
		older.redeem(t, second, nil)
		older.counted(t, session.Counts{Adopted: 1, Advanced: 1, Healed: 1})
		if !empty.log.Contains("stored=none") || !older.log.Contains("stored=1") {
			t.Errorf(
				"the stored generation is not logged: %s %s",
				empty.log.String(),
				older.log.String(),
			)
		}
	})
}
