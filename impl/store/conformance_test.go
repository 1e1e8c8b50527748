package store_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/impl/store"
	"kalsel.dev/refresh/tests/server"
)

// Store must be all that session asks for.
var (
	_ session.Store = (*store.Store)(nil)
)

var shared server.Shared

func TestMain(m *testing.M) {
	if os.Getenv(helperEnv) != "" {
		os.Exit(helper())
	}
	os.Exit(shared.Main(m))
}

// eachEngine runs the test on every engine. open opens the same store again each time; in memory
// there is one handle only.
func eachEngine(t *testing.T, test func(t *testing.T, open func() *store.Store)) {
	t.Run("sqlite file", func(t *testing.T) {
		url := "sqlite:" + filepath.Join(t.TempDir(), "refresh.db")
		test(t, func() *store.Store { return open(t, url) })
	})
	t.Run("sqlite memory", func(t *testing.T) {
		s := open(t, "sqlite::memory:")
		test(t, func() *store.Store { return s })
	})
	t.Run("postgres", func(t *testing.T) {
		url := shared.Postgres(t).NewDatabase(t)
		test(t, func() *store.Store { return open(t, url) })
	})
}

func open(tb testing.TB, url string) *store.Store {
	tb.Helper()
	s, err := store.Open(tb.Context(), url)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

func idOf(n int) revocation.SessionID {
	return revocation.SessionID{0: 1, 28: byte(n >> 24), 29: byte(n >> 16), 30: byte(n >> 8), 31: byte(n)}
}

// ended is a revocation of a session for the tests: n makes it different from others.
func ended(n int) revocation.Revocation {
	return revocation.Revocation{
		Kind: revocation.OfSession, Session: idOf(n), Identity: "who", Reason: "logout", Actor: "client", RevokedAt: 1000, KeptUntil: 5000,
	}
}

func cutoff(identity string, at int64) revocation.Revocation {
	return revocation.Revocation{
		Kind: revocation.OfIdentity, Identity: identity, Reason: "stolen", Actor: "admin:ann", RevokedAt: at, KeptUntil: revocation.Forever,
	}
}

func revoke(t *testing.T, s *store.Store, r revocation.Revocation) revocation.Revocation {
	t.Helper()
	got, err := s.Revoke(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func changes(t *testing.T, s *store.Store, after int64, limit int) ([]revocation.Change, revocation.Page) {
	t.Helper()
	var got []revocation.Change
	page, err := s.Load(t.Context(), after, limit, func(c revocation.Change) { got = append(got, c) })
	if err != nil {
		t.Fatal(err)
	}
	return got, page
}

func list(t *testing.T, s *store.Store, before int64, limit int) []revocation.Revocation {
	t.Helper()
	got, err := s.List(t.Context(), before, 2000, limit)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

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
			if got := *ofSession; got.Actor != "client" || got.Reason != "logout" || got.RevokedAt != 1000 {
				t.Errorf("of the session: %+v", got)
			}
			if got := *ofIdentity; got.Actor != "admin:ann" || got.Identity != "a" || got.RevokedAt != 3001 {
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

func TestLoad(t *testing.T) {
	eachEngine(t, func(t *testing.T, open func() *store.Store) {
		s := open()
		if got, page := changes(t, s, 0, 10); len(got) != 0 || page != (revocation.Page{}) {
			t.Errorf("empty feed: %v %+v", got, page)
		}
		revoke(t, s, ended(1))
		revoke(t, s, cutoff("a", 1000))
		revoke(t, s, ended(2))
		revoke(t, s, cutoff("a", 2000)) // 2 becomes 4

		got, page := changes(t, s, 0, 2)
		if page != (revocation.Page{Applied: 3, Head: 4}) {
			t.Errorf("first page: %+v", page)
		}
		rest, page := changes(t, s, page.Applied, 2)
		if page != (revocation.Page{Applied: 4, Head: 4}) {
			t.Errorf("second page: %+v", page)
		}
		a := cutoff("a", 0)
		want := []revocation.Change{
			{Sequence: 1, Kind: revocation.OfSession, Key: idOf(1), RevokedAt: 1000, KeptUntil: 5000},
			{Sequence: 3, Kind: revocation.OfSession, Key: idOf(2), RevokedAt: 1000, KeptUntil: 5000},
			{Sequence: 4, Kind: revocation.OfIdentity, Key: a.Key(), RevokedAt: 2000, KeptUntil: revocation.Forever},
		}
		if all := append(got, rest...); fmt.Sprint(all) != fmt.Sprint(want) {
			t.Errorf("got  %v\nwant %v", all, want)
		}
	})
}

func TestLookup(t *testing.T) {
	eachEngine(t, func(t *testing.T, open func() *store.Store) {
		s := open()
		revoke(t, s, ended(1))
		revoke(t, s, cutoff("a", 2999))
		for _, c := range []struct {
			name     string
			id       revocation.SessionID
			identity string
			want     revocation.State
		}{
			{"neither", idOf(2), "b", revocation.State{}},
			{"session", idOf(1), "b", revocation.State{Revoked: true}},
			{"identity", idOf(2), "a", revocation.State{Cutoff: 2, HasCutoff: true}},
			{"both", idOf(1), "a", revocation.State{Revoked: true, Cutoff: 2, HasCutoff: true}},
			{"no session", revocation.SessionID{}, "a", revocation.State{Cutoff: 2, HasCutoff: true}},
		} {
			t.Run(c.name, func(t *testing.T) {
				got, err := s.Lookup(t.Context(), c.id, c.identity)
				if err != nil || got != c.want {
					t.Errorf("got %+v, %v, want %+v", got, err, c.want)
				}
			})
		}
	})
}

// TestIdentities: an identity is any UTF-8 text without NUL. If it could not be stored, it could
// not be revoked.
func TestIdentities(t *testing.T) {
	long := make([]byte, 12_000)
	for i := range long {
		long[i] = byte('a' + i*i%26)
	}
	names := []string{
		"whois.muchlis@gmail.com", `a\x00b`, `\`, `\\`, `a\`, `DOMAIN\user`, "\uFFFD", "日本語 🙂", "a'b\"c", "$1", "%_", "",
		" a", "a ", "A", "é", "e\u0301", string(long),
	}
	eachEngine(t, func(t *testing.T, open func() *store.Store) {
		s := open()
		for _, name := range names {
			r := cutoff(name, 1000)
			r.Reason = name
			revoke(t, s, r)
		}
		got := list(t, s, math.MaxInt64, 100)
		if len(got) != len(names) {
			t.Fatalf("%d identities were stored as %d", len(names), len(got))
		}
		for i, r := range got {
			want := names[len(names)-1-i]
			if r.Identity != want || r.Reason != want {
				t.Errorf("stored %q as %q with reason %q", want, r.Identity, r.Reason)
			}
		}
		for _, name := range names {
			if st, err := s.Lookup(t.Context(), idOf(1), name); err != nil || !st.HasCutoff {
				t.Errorf("%q: %+v, %v", name, st, err)
			}
		}
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

func TestLeases(t *testing.T) {
	eachEngine(t, func(t *testing.T, open func() *store.Store) {
		s, ctx := open(), t.Context()
		write := func(name string, want bool, f func() (bool, error)) {
			t.Helper()
			if got, err := f(); err != nil || got != want {
				t.Errorf("%s: %v, %v, want %v", name, got, err, want)
			}
		}
		have := func(want ...revocation.Lease) {
			t.Helper()
			got, err := s.PeekLeases(ctx)
			if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("leases: %v, %v, want %v", got, err, want)
			}
		}
		lease := func(version, acknowledged int64) revocation.Lease {
			return revocation.Lease{Node: "a", Version: version, Acknowledged: acknowledged}
		}
		write("renew without a lease", false, func() (bool, error) { return s.Renew(ctx, lease(1, 9), 0) })
		must(t, s.Join(ctx, lease(2, 5)))
		write("renew", true, func() (bool, error) { return s.Renew(ctx, lease(3, 9), 2) })
		have(lease(3, 5)) // a renewal acknowledges nothing
		write("renew after an error", true, func() (bool, error) { return s.Renew(ctx, lease(4, 5), 2) })
		have(lease(4, 5))
		write("renew in an older copy", false, func() (bool, error) { return s.Renew(ctx, lease(8, 6), 7) })
		must(t, s.DropLease(ctx, lease(3, 0)))
		have(lease(4, 5)) // it was renewed since
		must(t, s.Join(ctx, lease(9, 2)))
		have(lease(9, 2))
		must(t, s.DropLease(ctx, lease(9, 0)))
		have()
		must(t, s.Join(ctx, lease(1, 0)))
		must(t, s.Leave(ctx, "b"))
		have(lease(1, 0))
		must(t, s.Leave(ctx, "a"))
		have()
	})
}

// TestFollow: the feed is read only in a transaction that shows the lease, and acknowledged in the
// same transaction.
func TestFollow(t *testing.T) {
	eachEngine(t, func(t *testing.T, open func() *store.Store) {
		s, ctx := open(), t.Context()
		lease := revocation.Lease{Node: "a", Version: 2}
		must(t, s.Join(ctx, lease))
		for n := range 5 {
			revoke(t, s, ended(n))
		}
		follow := func(version, next, after int64, want revocation.Page) {
			t.Helper()
			seen := after
			got, err := s.Follow(ctx, revocation.Lease{Node: "a", Version: version}, next, after, 3,
				func(c revocation.Change) {
					if seen++; c.Sequence != seen {
						t.Errorf("sequence %d, want %d", c.Sequence, seen)
					}
				})
			if err != nil || got != want || seen != max(after, want.Applied) && after <= want.Head {
				t.Errorf("page %+v, %v, want %+v", got, err, want)
			}
		}
		have := func(version, acknowledged int64) {
			t.Helper()
			got, err := s.PeekLeases(ctx)
			if want := (revocation.Lease{Node: "a", Version: version, Acknowledged: acknowledged}); err != nil ||
				len(got) != 1 || got[0] != want {
				t.Errorf("leases %v, %v, want %v", got, err, want)
			}
		}
		follow(2, 3, 0, revocation.Page{Applied: 3, Head: 5})
		have(3, 3)
		follow(3, 4, 3, revocation.Page{Applied: 5, Head: 5})
		have(4, 5)
		follow(4, 5, 5, revocation.Page{Applied: 5, Head: 5})
		have(4, 5) // there was nothing to acknowledge
		follow(4, 5, 7, revocation.Page{Applied: 7, Head: 5})
		have(4, 5) // the feed is shorter than what the node has applied
		for name, l := range map[string]revocation.Lease{
			"older lease": {Node: "a", Version: 5}, "no lease": {Node: "b"},
		} {
			_, err := s.Follow(ctx, l, 9, 0, 3, func(revocation.Change) {
				t.Errorf("%s: the feed was read", name)
			})
			if !errors.Is(err, revocation.ErrUnavailable) {
				t.Errorf("%s: %v, want ErrUnavailable", name, err)
			}
		}
		have(4, 5)
		revoke(t, s, ended(5))
		// The node does not know that its last write succeeded.
		follow(3, 5, 5, revocation.Page{Applied: 6, Head: 6})
		have(5, 6)
		if _, err := s.Follow(ctx, revocation.Lease{Node: "a", Version: 3}, 4, 0, 9, func(revocation.Change) {}); err == nil {
			t.Error("an acknowledgement with an older version than the lease has was written")
		}
		have(5, 6)
	})
}

// TestAppliedBeforeAcknowledged: while a node applies a change, its lease does not acknowledge it yet.
func TestAppliedBeforeAcknowledged(t *testing.T) {
	eachEngine(t, func(t *testing.T, open func() *store.Store) {
		s, other := open(), open()
		lease := revocation.Lease{Node: "a", Version: 1}
		must(t, s.Join(t.Context(), lease))
		r := revoke(t, s, ended(1))
		applied := 0
		_, err := s.Follow(t.Context(), lease, 2, 0, 10, func(revocation.Change) {
			applied++
			leases, err := other.PeekLeases(t.Context())
			if err != nil || len(leases) != 1 || leases[0].Acknowledged >= r.Sequence {
				t.Errorf("leases while the change is applied: %v, %v", leases, err)
			}
		})
		must(t, err)
		leases, err := other.PeekLeases(t.Context())
		if err != nil || len(leases) != 1 || leases[0].Acknowledged != r.Sequence || applied != 1 {
			t.Errorf("leases after %d changes: %v, %v", applied, leases, err)
		}
	})
}

// TestLeasesShowTheRevocation: a list of leases that does not show the revocation is no list.
func TestLeasesShowTheRevocation(t *testing.T) {
	eachEngine(t, func(t *testing.T, open func() *store.Store) {
		s, other := open(), open()
		must(t, s.Join(t.Context(), revocation.Lease{Node: "a", Version: 1}))
		r := revoke(t, s, ended(1))
		if got, err := other.Leases(t.Context(), r); err != nil || len(got) != 1 {
			t.Errorf("got %v, %v", got, err)
		}
		r.Sequence++
		if got, err := other.Leases(t.Context(), r); !errors.Is(err, revocation.ErrUnavailable) {
			t.Errorf("a later one: %v, %v", got, err)
		}
		if got, err := other.Leases(t.Context(), ended(2)); !errors.Is(err, revocation.ErrUnavailable) {
			t.Errorf("another: %v, %v", got, err)
		}
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestOrder: a reader sees every sequence up to the head that it has read, also while others write:
// no commit overtakes another.
func TestOrder(t *testing.T) {
	const writers, each = 4, 50
	eachEngine(t, func(t *testing.T, open func() *store.Store) {
		var group sync.WaitGroup
		for w := range writers {
			s := open()
			group.Go(func() {
				for n := range each {
					if _, err := s.Revoke(t.Context(), ended(w*each+n)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		s, last := open(), int64(0)
		for last < writers*each && !t.Failed() {
			page, err := s.Load(t.Context(), last, 7, func(c revocation.Change) {
				if c.Sequence != last+1 {
					t.Errorf("sequence %d after %d", c.Sequence, last)
				}
				last = c.Sequence
			})
			if err != nil || page.Applied != last {
				t.Fatalf("page %+v, %v, at %d", page, err, last)
			}
		}
		group.Wait()
	})
}

// TestList: pages taken while others insert neither skip nor repeat.
func TestList(t *testing.T) {
	count := 2000
	if os.Getenv("REFRESH_SOAK") != "" {
		count = 100_000
	}
	eachEngine(t, func(t *testing.T, open func() *store.Store) {
		s, inserted := open(), make(chan struct{})
		go func() {
			defer close(inserted)
			for n := range count {
				if _, err := s.Revoke(t.Context(), ended(n)); err != nil {
					t.Error(err)
					return
				}
				time.Sleep(100 * time.Microsecond) // in memory nothing else lets readers have their turn
			}
		}()
		reader := open()
		for done := false; !done; {
			select {
			case <-inserted:
				done = true
			case <-time.After(50 * time.Millisecond):
			}
			if n := walk(t, reader); done && n != count {
				t.Errorf("listed %d of %d", n, count)
			}
		}
	})
}

// walk lists everything in pages and returns how much. Every sequence below the first that is seen
// must follow.
func walk(t *testing.T, s *store.Store) int {
	t.Helper()
	next, n := int64(math.MaxInt64), 0
	for {
		page := list(t, s, next, 500)
		if len(page) == 0 {
			if n > 0 && next != 1 {
				t.Fatalf("the pages end at sequence %d", next)
			}
			return n
		}
		for _, r := range page {
			if n > 0 && r.Sequence != next-1 {
				t.Fatalf("sequence %d after %d", r.Sequence, next)
			}
			next, n = r.Sequence, n+1
		}
	}
}

func TestListInForce(t *testing.T) {
	eachEngine(t, func(t *testing.T, open func() *store.Store) {
		s := open()
		over := ended(1)
		over.KeptUntil = 2000
		revoke(t, s, over)
		in := revoke(t, s, ended(2))
		cut := revoke(t, s, cutoff("a", 1))
		want := []revocation.Revocation{cut, in}
		if got := list(t, s, math.MaxInt64, 10); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got %v, want %v", got, want)
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
			if _, err := s.Revoke(ctx, ended(1)); !errors.Is(err, context.Canceled) || errors.Is(err, revocation.ErrUnavailable) {
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
		if _, err := s.Lookup(t.Context(), idOf(1), "a"); !errors.Is(err, revocation.ErrUnavailable) {
			t.Errorf("Standing: %v", err)
		}
	})
}
