package store_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/store"
	"kalsel.dev/refresh/tests/server"
)

// TestSynchronousCommit: settings under which an acknowledged commit could be lost are refused at
// start.
func TestSynchronousCommit(t *testing.T) {
	for value, ok := range map[string]bool{
		"on": true, "remote_apply": true, "remote_write": true, "off": false, "local": false,
	} {
		s, err := store.Open(t.Context(),
			shared.Postgres(t).NewDatabase(t)+"&synchronous_commit="+value)
		if ok {
			if err != nil {
				t.Errorf("%s: %v", value, err)
				continue
			}
			must(t, s.Close())
			continue
		}
		bad, found := errors.AsType[store.BadURL](err)
		if !found || !strings.Contains(bad.Error(), "synchronous_commit is "+value) ||
			strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", value, err)
		}
	}
}

// TestIsolation: whatever isolation level is the default of the database, changes at one time do
// not fail.
func TestIsolation(t *testing.T) {
	for _, level := range []string{"repeatable read", "serializable"} {
		t.Run(level, func(t *testing.T) {
			postgres := shared.Postgres(t)
			url := postgres.NewDatabase(t)
			name := url[strings.LastIndex(url, "/")+1 : strings.LastIndex(url, "?")]
			must(t, postgres.Exec(
				"ALTER DATABASE "+name+" SET default_transaction_isolation = '"+level+"'"))
			s := open(t, url)
			var all sync.WaitGroup
			for worker := range 16 {
				all.Go(func() {
					for n := range 10 {
						r := ended(100*worker + n)
						if _, err := s.Revoke(t.Context(), r); err != nil {
							t.Errorf("Revoke: %v", err)
						}
						if _, err := s.Leases(t.Context(), revocation.Revocation{
							Kind:    r.Kind,
							Session: r.Session,
						}); err != nil {
							t.Errorf("Leases: %v", err)
						}
					}
				})
			}
			all.Wait()
		})
	}
}

// TestPostgresAway: without the server calls fail as unavailable, and go on when it is back;
// nothing acknowledged is lost.
func TestPostgresAway(t *testing.T) {
	database := server.StartPostgres(t)
	s := open(t, database.NewDatabase(t))
	revoke(t, s, ended(1))
	database.Crash()
	for range 3 {
		if _, err := s.Revoke(t.Context(), ended(2)); !errors.Is(err, revocation.ErrUnavailable) {
			t.Errorf("Revoke: %v", err)
		}
		if _, err := s.Load(t.Context(), 0, 1,
			func(revocation.Change) {}); !errors.Is(err, revocation.ErrUnavailable) {
			t.Errorf("Changes: %v", err)
		}
		if _, err := s.Renew(t.Context(), revocation.Lease{},
			0); !errors.Is(err, revocation.ErrUnavailable) {
			t.Errorf("Renew: %v", err)
		}
	}
	must(t, database.Resume())
	if got := revoke(t, s, ended(3)); got.Sequence != 2 {
		t.Errorf("sequence %d, want 2", got.Sequence)
	}
	if n := len(list(t, s, math.MaxInt64, 10)); n != 2 {
		t.Errorf("%d are there, 2 were acknowledged", n)
	}
}

// TestPostgresLimits: if another session holds a lock, the store is unavailable. The caller does not
// wait for ever.
func TestPostgresLimits(t *testing.T) {
	url := shared.Postgres(t).NewDatabase(t)
	s := open(t, url+"&lock_timeout=100")
	conn, err := pgx.Connect(t.Context(), url)
	must(t, err)
	defer conn.Close(context.Background())
	tx, err := conn.Begin(t.Context())
	must(t, err)
	_, err = tx.Exec(t.Context(), "UPDATE refresh_feed SET head = head")
	must(t, err)
	if _, err := s.Revoke(t.Context(), ended(1)); !errors.Is(err, revocation.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
	must(t, tx.Rollback(t.Context()))
	revoke(t, s, ended(1))
}

// TestPostgresReadOnly: a server that has become a standby is not one to read from or write to.
func TestPostgresReadOnly(t *testing.T) {
	url := shared.Postgres(t).NewDatabase(t)
	open(t, url)
	if _, err := store.Open(t.Context(), url+"&default_transaction_read_only=on"); err == nil {
		t.Error("a read-only server was accepted")
	}
}

// TestPostgresName: pg_stat_activity shows whose connections they are, also if the URL's name is
// empty.
func TestPostgresName(t *testing.T) {
	url := shared.Postgres(t).NewDatabase(t)
	conn, err := pgx.Connect(t.Context(), url)
	must(t, err)
	defer conn.Close(context.Background())
	for given, want := range map[string]string{
		"":                        "refreshd",
		"&application_name=":      "refreshd",
		"&application_name=login": "login",
	} {
		s, err := store.Open(t.Context(), url+given)
		must(t, err)
		list(t, s, math.MaxInt64, 1) // opens a connection
		var names int
		const query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1"
		must(t, conn.QueryRow(t.Context(), query, want).Scan(&names))
		if names == 0 {
			t.Errorf("%q: no connection has the name %q", given, want)
		}
		must(t, s.Close())
	}
}
