package store_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/impl/store"
	"kalsel.dev/refresh/tests/server"
)

// call is one call of the store whose answer is relied on.
type call struct {
	method string
	do     func(ctx context.Context, s *store.Store) error
}

// reliedOn is every call whose answer is relied on, after prepare. Each of them must change something, or
// read.
func reliedOn() []call {
	lease := revocation.Lease{Node: "a", Version: 1}
	ignore := func(revocation.Change) {}
	longer, second := ended(1), row(1, "who")
	longer.KeptUntil++
	second.Generation++
	return []call{
		{"Load", func(ctx context.Context, s *store.Store) error {
			_, err := s.Load(ctx, 0, 10, ignore)
			return err
		}},
		{"Join", func(ctx context.Context, s *store.Store) error {
			return s.Join(ctx, revocation.Lease{Node: "b", Version: 1})
		}},
		{"Renew", func(ctx context.Context, s *store.Store) error {
			_, err := s.Renew(ctx, revocation.Lease{Node: "a", Version: 2}, 1)
			return err
		}},
		{"Follow", func(ctx context.Context, s *store.Store) error {
			_, err := s.Follow(ctx, lease, 9, 0, 10, ignore)
			return err
		}},
		{"Lookup", func(ctx context.Context, s *store.Store) error {
			_, err := s.Lookup(ctx, idOf(1), "who")
			return err
		}},
		{"Leases", func(ctx context.Context, s *store.Store) error {
			_, err := s.Leases(ctx, ended(1))
			return err
		}},
		{"Revoke", func(ctx context.Context, s *store.Store) error { return revokeErr(ctx, s, ended(2)) }},
		{"Revoke", func(ctx context.Context, s *store.Store) error { return revokeErr(ctx, s, ended(1)) }},
		{"Revoke", func(ctx context.Context, s *store.Store) error { return revokeErr(ctx, s, longer) }},
		{"Revoke", func(ctx context.Context, s *store.Store) error { return revokeErr(ctx, s, cutoff("who", 1000)) }},
		{"List", func(ctx context.Context, s *store.Store) error {
			_, err := s.List(ctx, 10, 0, 10)
			return err
		}},
		{"Session", func(ctx context.Context, s *store.Store) error {
			_, err := s.Session(ctx, idOf(1))
			return err
		}},
		{"SessionsOf", func(ctx context.Context, s *store.Store) error {
			_, err := s.SessionsOf(ctx, "who", 0, 10)
			return err
		}},
		{"Adopt", func(ctx context.Context, s *store.Store) error {
			_, err := s.Adopt(ctx, row(2, "who"))
			return err
		}},
		{"Advance", func(ctx context.Context, s *store.Store) error {
			_, err := s.Advance(ctx, second, session.Precondition{RotatedUntil: 1e6, EndsUntil: 1e6})
			return err
		}},
		{"Replace", func(ctx context.Context, s *store.Store) error {
			_, err := s.Replace(ctx, row(3, "who"), row(3, "who"))
			return err
		}},
		{"NoteSigningKey", func(ctx context.Context, s *store.Store) error { return s.NoteSigningKey(ctx, "known") }},
		{"NoteSigningKey", func(ctx context.Context, s *store.Store) error { return s.NoteSigningKey(ctx, "new") }},
		{"NoteServer", func(ctx context.Context, s *store.Store) error { return s.NoteServer(ctx, 0, false) }},
		{"CleanUpTime", func(ctx context.Context, s *store.Store) error {
			_, err := s.CleanUpTime(ctx, 1)
			return err
		}},
		{"HasSigned", func(ctx context.Context, s *store.Store) error {
			_, err := s.HasSigned(ctx, "known")
			return err
		}},
	}
}

func revokeErr(ctx context.Context, s *store.Store, r revocation.Revocation) error {
	_, err := s.Revoke(ctx, r)
	return err
}

// prepare writes what the calls find.
func prepare(t *testing.T, s *store.Store) {
	t.Helper()
	must(t, s.Join(t.Context(), revocation.Lease{Node: "a", Version: 1}))
	revoke(t, s, ended(1))
	revoke(t, s, cutoff("who", 1000))
	adopt(t, s, row(1, "who"))
	adopt(t, s, row(3, "who"))
	must(t, s.NoteSigningKey(t.Context(), "known"))
}

// TestReliedOn: a method of the store is either among the calls above, or no answer of it is relied on.
func TestReliedOn(t *testing.T) {
	others := []string{
		"Close", "Commits", "Watch", // no statement
		"PeekLeases", "StoreTime", // hints
		"Leave", "DropLease", "Expire", "ExpireSessions", // if lost, they are done again
		"LimitPages", "Pragmas", "Fill", "FillSessions", "Occupy", "AwaitQueue", "Fail", "FailHalfway", // of tests
	}
	for _, c := range reliedOn() {
		others = append(others, c.method)
	}
	methods := reflect.TypeFor[*store.Store]()
	for method := range methods.Methods() {
		if !slices.Contains(others, method.Name) {
			t.Errorf("%s is not tested: may its answer come from a server that was replaced?", method.Name)
		}
	}
}

// TestReadOnlyServer: no answer is taken from a connection to a server that has become read-only.
func TestReadOnlyServer(t *testing.T) {
	postgres := server.StartPostgres(t)
	url := postgres.NewDatabase(t)
	prepare(t, open(t, url))
	// A store with an open connection for each call: after the first error a store drops its connections.
	stores := make([]*store.Store, len(reliedOn()))
	for i := range stores {
		stores[i] = open(t, url)
		_, err := stores[i].Lookup(t.Context(), idOf(1), "")
		must(t, err)
	}
	setting(t, postgres, "default_transaction_read_only", "on")
	for i, c := range reliedOn() {
		if err := c.do(t.Context(), stores[i]); !errors.Is(err, revocation.ErrUnavailable) {
			t.Errorf("%s: %v, want ErrUnavailable", c.method, err)
		}
	}
	setting(t, postgres, "default_transaction_read_only", "off")
	for i, c := range reliedOn() {
		if err := c.do(t.Context(), stores[i]); err != nil {
			t.Errorf("%s with the server writable again: %v", c.method, err)
		}
	}
}

// TestUnreplicated: no answer is taken from a commit whose wait for the standby was cancelled.
func TestUnreplicated(t *testing.T) {
	postgres := server.StartPostgres(t)
	s := open(t, postgres.NewDatabase(t))
	prepare(t, s)
	setting(t, postgres, "synchronous_standby_names", "nobody")
	cancelWaits(t, postgres)
	for _, c := range reliedOn() {
		err := c.do(t.Context(), s)
		if !errors.Is(err, revocation.ErrUnavailable) || !strings.Contains(err.Error(), "did not confirm") {
			t.Errorf("%s: %v, want ErrUnavailable because of the replication", c.method, err)
		}
	}
}

// setting changes a setting of the server and waits until new connections have it.
func setting(t *testing.T, s *server.Postgres, name, value string) {
	t.Helper()
	must(t, s.Exec("ALTER SYSTEM SET "+name+" = '"+value+"'"))
	must(t, s.Exec("SELECT pg_reload_conf()"))
	s.Await(t, name+" = "+value, func() bool {
		conn, err := pgx.Connect(t.Context(), s.URL("postgres"))
		if err != nil {
			return false
		}
		defer conn.Close(t.Context())
		var got string
		return conn.QueryRow(t.Context(), "SHOW "+name).Scan(&got) == nil && got == value
	})
}

// cancelWaits cancels all waits for a standby until the test ends. It returns once commits do wait.
func cancelWaits(t *testing.T, s *server.Postgres) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	conn, err := pgx.Connect(ctx, s.URL("postgres"))
	must(t, err)
	go func() {
		defer close(done)
		defer conn.Close(context.Background())
		for ctx.Err() == nil {
			_, err := conn.Exec(ctx, "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
			if err != nil && ctx.Err() == nil {
				t.Error(err)
				return
			}
			time.Sleep(time.Millisecond)
		}
	}()
	t.Cleanup(func() {
		stop()
		<-done
	})
	config, err := pgx.ParseConfig(s.URL("postgres"))
	must(t, err)
	warned := false
	config.OnNotice = func(*pgconn.PgConn, *pgconn.Notice) { warned = true }
	writer, err := pgx.ConnectConfig(ctx, config)
	must(t, err)
	defer writer.Close(context.Background())
	for !warned {
		_, err := writer.Exec(ctx, "CREATE TABLE IF NOT EXISTS waits (); DROP TABLE waits")
		must(t, err)
	}
}
