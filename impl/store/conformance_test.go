package store_test

import (
	"context"
	"errors"
	"math"
	"testing"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/impl/store"
)

// Store must be all that session asks for.
var (
	_ session.Store = (*store.Store)(nil)
)

func TestRevoke(t *testing.T) {
	eachEngine(t, func(t *testing.T, open func() *store.Store) {
		s := open()
		t.Run("gives what is in force with the next sequence", func(t *testing.T) {
			want := ended(1)
			want.Sequence = 1
			if got := revoke(t, s, ended(1)); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
		t.Run("again changes nothing", func(t *testing.T) {
			again := ended(1)
			again.RevokedAt, again.Reason, again.KeptUntil = 1500, "other", 4000
			again.Actor = "cli:root"
			want := ended(1)
			want.Sequence = 1
			if got := revoke(t, s, again); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
		t.Run("kept longer is told anew", func(t *testing.T) {
			longer := ended(1)
			longer.RevokedAt, longer.KeptUntil = 1500, 6000
			want := ended(1)
			want.Sequence, want.KeptUntil = 2, 6000
			if got := revoke(t, s, longer); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
		t.Run("cut-off moves on only", func(t *testing.T) {
			revoke(t, s, cutoff("a", 3000))
			if got := revoke(t, s, cutoff("a", 2999)); got.RevokedAt != 3000 || got.Sequence != 3 {
				t.Errorf("an older cut-off: %+v", got)
			}
			if got := revoke(t, s, cutoff("a", 3001)); got.RevokedAt != 3001 || got.Sequence != 4 {
				t.Errorf("a newer cut-off: %+v", got)
			}
		})
		t.Run("read with their actors", func(t *testing.T) {
			ofSession, ofIdentity, err := s.RevocationsOf(t.Context(), idOf(1), "a")
			if err != nil || ofSession == nil || ofIdentity == nil {
				t.Fatalf("got %v, %v, %v", ofSession, ofIdentity, err)
			}
			if got := *ofSession; got.Actor != "client" || got.Reason != "logout" ||
				got.RevokedAt != 1000 {
				t.Errorf("of the session: %+v", got)
			}
			if got := *ofIdentity; got.Actor != "admin:ann" || got.Identity != "a" ||
				got.RevokedAt != 3001 {
				t.Errorf("of the identity: %+v", got)
			}
			ofSession, ofIdentity, err = s.RevocationsOf(t.Context(), idOf(7), "b")
			if err != nil || ofSession != nil || ofIdentity != nil {
				t.Errorf("of others: %v, %v, %v", ofSession, ofIdentity, err)
			}
		})
		t.Run("unchanged leaves no gap", func(t *testing.T) {
			if got := revoke(t, s, ended(2)); got.Sequence != 5 {
				t.Errorf("sequence %d, want 5", got.Sequence)
			}
		})
	})
}

func TestExpire(t *testing.T) {
	eachEngine(t, func(t *testing.T, open func() *store.Store) {
		s := open()
		for n := range 5 {
			r := ended(n)
			r.KeptUntil = int64(1000 * (n + 1))
			revoke(t, s, r)
		}
		revoke(t, s, cutoff("a", 1))
		expire := func(now int64, limit, want int) {
			t.Helper()
			if n, err := s.Expire(t.Context(), now, limit); err != nil || n != want {
				t.Errorf("Expire(%d, %d) = %d, %v, want %d", now, limit, n, err, want)
			}
		}
		expire(1000, 10, 0) // kept until then, inclusive
		expire(3001, 2, 2)
		expire(3001, 2, 1)
		expire(math.MaxInt64, 10, 2)
		got := list(t, s, math.MaxInt64, 10)
		if len(got) != 1 || got[0].Identity != "a" {
			t.Errorf("left: %+v, want the cut-off", got)
		}
		if _, page := changes(t, s, 0, 10); page.Head != 6 {
			t.Errorf("head %d, want 6: it never goes back", page.Head)
		}
	})
}

// TestCancel: a caller that gives up gets its own error, and the store goes on.
func TestCancel(t *testing.T) {
	eachEngine(t, func(t *testing.T, open func() *store.Store) {
		s := open()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for range 50 {
			if _, err := s.Revoke(ctx, ended(1)); !errors.Is(err, context.Canceled) ||
				errors.Is(err, revocation.ErrUnavailable) {
				t.Fatalf("got %v, want context.Canceled alone", err)
			}
		}
		if got := revoke(t, s, ended(1)); got.Sequence != 1 {
			t.Errorf("sequence %d, want 1", got.Sequence)
		}
	})
}

func TestClosedStoreIsUnavailable(t *testing.T) {
	eachEngine(t, func(t *testing.T, open func() *store.Store) {
		s := open()
		must(t, s.Close())
		if _, err := s.Revoke(t.Context(), ended(1)); !errors.Is(err, revocation.ErrUnavailable) {
			t.Errorf("Revoke: %v", err)
		}
		if _, err := s.Lookup(t.Context(), idOf(1),
			"a"); !errors.Is(err, revocation.ErrUnavailable) {
			t.Errorf("Standing: %v", err)
		}
	})
}
