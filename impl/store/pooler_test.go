package store_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/store"
	"kalsel.dev/refresh/tests/server"
)

// eachPooler runs the test through PgBouncer with its defaults. own is the URL without it.
func eachPooler(t *testing.T, test func(t *testing.T, own, pooled string)) {
	for _, mode := range []string{"session", "transaction"} {
		t.Run(mode, func(t *testing.T) {
			database := shared.Postgres(t)
			own := database.NewDatabase(t)
			test(t, own, database.PgBouncer(t, mode, own))
		})
	}
}

// TestPooler: several processes start at once on an empty store behind a pooler, and many callers
// change sessions and revoke at the same time. Every call succeeds.
func TestPooler(t *testing.T) {
	eachPooler(t, func(t *testing.T, own, pooled string) {
		var started sync.WaitGroup
		stores := make([]*store.Store, 2)
		for i := range stores {
			started.Go(func() {
				var err error
				if stores[i], err = store.Open(t.Context(), pooled); err != nil {
					t.Error(err)
					return
				}
				t.Cleanup(func() { must(t, stores[i].Close()) })
			})
		}
		started.Wait()
		if t.Failed() {
			return
		}
		var callers sync.WaitGroup
		for worker := range 32 {
			callers.Go(func() {
				s := stores[worker%len(stores)]
				for n := worker * 10; n < worker*10+5; n++ {
					adopt(t, s, row(n, "a"))
					stored(t, s, row(n, "a"))
					if _, err := s.Revoke(t.Context(), ended(n)); err != nil {
						t.Error(err)
					}
					if state, err := s.Lookup(t.Context(), idOf(n), "a"); err != nil ||
						!state.Revoked {
						t.Errorf("session %d: %v, %v", n, state, err)
					}
				}
			})
		}
		callers.Wait()
		if n := walk(t, open(t, own)); n != 160 {
			t.Errorf("%d revocations of 160", n)
		}
	})
}

// TestPoolerCalls: each call of the store works through a pooler, and its changes are stored.
func TestPoolerCalls(t *testing.T) {
	eachPooler(t, func(t *testing.T, _, pooled string) {
		s := open(t, pooled)
		prepare(t, s)
		for _, c := range reliedOn() {
			if err := c.do(t.Context(), s); err != nil {
				t.Errorf("%s: %v", c.method, err)
			}
		}
		if _, ok, err := s.StoreTime(t.Context()); err != nil || !ok {
			t.Errorf("StoreTime: %v, %v", ok, err)
		}
		_, err := s.Expire(t.Context(), 1, 10)
		must(t, err)
		_, err = s.ExpireSessions(t.Context(), 1, 10)
		must(t, err)
	})
}

// TestPoolerWatch: changes of another process wake a node behind a pooler, with notifications or
// without.
func TestPoolerWatch(t *testing.T) {
	eachPooler(t, func(t *testing.T, own, pooled string) {
		s, other := open(t, pooled), open(t, own)
		ctx, cancel := context.WithCancel(t.Context())
		woken, done := make(chan struct{}, 10_000), make(chan struct{})
		go func() {
			defer close(done)
			s.Watch(ctx, func() { woken <- struct{}{} })
		}()
		defer func() {
			cancel()
			<-done
		}()
		<-woken
		for n := range 3 {
			for len(woken) > 0 {
				<-woken
			}
			revoke(t, other, ended(n))
			select {
			case <-woken:
			case <-time.After(server.Patience):
				t.Fatal("not woken")
			}
		}
	})
}

// TestPoolerUnreplicated: through a pooler too no answer is taken from a commit whose wait for the
// standby was cancelled, whatever the database's defaults are.
func TestPoolerUnreplicated(t *testing.T) {
	postgres := server.StartPostgres(t)
	stores := map[string]*store.Store{}
	for _, mode := range []string{"session", "transaction"} {
		own := postgres.NewDatabase(t)
		name := own[strings.LastIndex(own, "/")+1 : strings.LastIndex(own, "?")]
		must(t, postgres.Exec("ALTER DATABASE "+name+" SET client_min_messages = error"))
		must(t, postgres.Exec(
			"ALTER DATABASE "+name+" SET default_transaction_isolation = 'serializable'"))
		stores[mode] = open(t, postgres.PgBouncer(t, mode, own))
		prepare(t, stores[mode])
	}
	setting(t, postgres, "synchronous_standby_names", "nobody")
	cancelWaits(t, postgres)
	for mode, s := range stores {
		for _, c := range reliedOn() {
			err := c.do(t.Context(), s)
			if !errors.Is(err, revocation.ErrUnavailable) ||
				!strings.Contains(err.Error(), "did not confirm") ||
				!strings.Contains(err.Error(), "pooler") {
				t.Errorf("%s, %s: %v, want ErrUnavailable because of the replication", mode,
					c.method, err)
			}
		}
	}
}

// TestPoolerRejects: the error of a parameter that the pooler does not know names the pooler.
func TestPoolerRejects(t *testing.T) {
	eachPooler(t, func(t *testing.T, _, pooled string) {
		must(t, open(t,
			pooled+"&lock_timeout=100&statement_timeout=3000").NoteServer(t.Context(), 0, false))
		_, err := store.Open(t.Context(), pooled+"&synchronous_commit=on")
		if err == nil || !strings.Contains(err.Error(), "pooler") ||
			!strings.Contains(err.Error(), "synchronous_commit") {
			t.Errorf("got %v", err)
		}
	})
}
