package store_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/store"
	"kalsel.dev/refresh/tests/server"
)

// TestReliedOn: a method of the store is either among the calls of reliedOn, or no answer of it is relied on.
func TestReliedOn(t *testing.T) {
	others := []string{
		"Close", "Commits", "IsNew", "Migrated", "Watch", // no statement
		"PeekLeases", "StoreTime", "CountSessions", "Collectors", // hints and metrics
		"Leave", "DropLease", "Expire", "ExpireSessions", // if lost, they are done again
		// The tests' own.
		"LimitPages", "Pragmas", "Fill", "FillSessions", "Occupy", "OccupyReads", "AwaitQueue",
		"Fail", "FailHalfway",
	}
	for _, c := range reliedOn() {
		others = append(others, c.method)
	}
	methods := reflect.TypeFor[*store.Store]()
	for method := range methods.Methods() {
		if !slices.Contains(others, method.Name) {
			t.Errorf("%s is not tested: may it answer from a server that was replaced?",
				method.Name)
		}
	}
}

// TestReadOnlyServer: no answer is taken from a connection to a server that has become read-only.
func TestReadOnlyServer(t *testing.T) {
	postgres := server.StartPostgres(t)
	url := postgres.NewDatabase(t)
	prepare(t, open(t, url))
	// Each call has a store with an open connection: after an error a store drops its connections.
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

// TestReadOnlyServerIsLeft: after one error no connection to the server is used again, the one that waits
// for changes included, so that new connections find the primary.
func TestReadOnlyServerIsLeft(t *testing.T) {
	postgres := server.StartPostgres(t)
	s := open(t, postgres.NewDatabase(t))
	ctx, stop := context.WithCancel(t.Context())
	watching, watched := make(chan struct{}, 100), make(chan struct{})
	go func() {
		defer close(watched)
		s.Watch(ctx, func() { watching <- struct{}{} })
	}()
	defer func() {
		stop()
		<-watched
	}()
	<-watching
	var lookups sync.WaitGroup
	for range 8 {
		lookups.Go(func() {
			if _, err := s.Lookup(ctx, idOf(1), ""); err != nil {
				t.Error(err)
			}
		})
	}
	lookups.Wait()
	const (
		ours    = " FROM pg_stat_activity WHERE application_name = 'refreshd' AND backend_start < "
		listens = " AND query LIKE 'LISTEN%'"
	)
	dropped := "'" + value(t, postgres, "SELECT clock_timestamp()::text") + "'"
	if old := value(t, postgres, "SELECT count(*) > 1"+ours+dropped); old != "t" {
		t.Fatal("there are no connections to drop")
	}
	setting(t, postgres, "default_transaction_read_only", "on")
	if _, err := s.Lookup(ctx, idOf(1), ""); !errors.Is(err, revocation.ErrUnavailable) {
		t.Errorf("on the read-only server: %v", err)
	}
	setting(t, postgres, "default_transaction_read_only", "off")
	later := "'" + value(t, postgres, "SELECT clock_timestamp()::text") + "'"
	for range 8 {
		lookups.Go(func() {
			if _, err := s.Lookup(ctx, idOf(1), ""); err != nil {
				t.Error(err)
			}
		})
	}
	lookups.Wait()
	used := value(t, postgres, "SELECT count(*)"+ours+dropped+" AND query_start > "+later)
	if used != "0" {
		t.Errorf("%s old connections were used", used)
	}
	postgres.Await(t, "the old connection that listens is closed", func() bool {
		return value(t, postgres, "SELECT count(*)"+ours+dropped+listens) == "0"
	})
}

// value returns the text of a query's one value.
func value(t *testing.T, s *server.Postgres, query string) (text string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.URL("postgres"))
	must(t, err)
	defer conn.Close(t.Context())
	must(t, conn.QueryRow(t.Context(), query, pgx.QueryExecModeSimpleProtocol).Scan(&text))
	return text
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
		if !errors.Is(err, revocation.ErrUnavailable) ||
			!strings.Contains(err.Error(), "did not confirm") {
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
			_, err := conn.Exec(ctx, "SELECT pg_cancel_backend(pid) FROM pg_stat_activity "+
				"WHERE wait_event = 'SyncRep'")
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
