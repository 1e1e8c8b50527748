package server_test

import (
	"context"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"

	"kalsel.dev/refresh/tests/server"
)

var shared server.Shared

func TestMain(m *testing.M) { os.Exit(shared.Main(m)) }

// TestRestart: rows that were committed are there after a stop and after a crash.
func TestRestart(t *testing.T) {
	s := server.StartPostgres(t)
	url := s.NewDatabase(t)
	query(t, url, "CREATE TABLE t AS SELECT 1 AS n")
	s.Stop()
	if err := s.Resume(); err != nil {
		t.Fatal(err)
	}
	query(t, url, "UPDATE t SET n = n + 1")
	s.Crash()
	if err := s.Resume(); err != nil {
		t.Fatal(err)
	}
	if n := query(t, url, "SELECT n FROM t"); n != 2 {
		t.Errorf("n = %d, want 2", n)
	}
}

// TestStandby: a standby has the rows that its primary committed, and accepts writes once it is
// promoted while the primary is frozen.
func TestStandby(t *testing.T) {
	primary := server.StartPostgres(t)
	primary.NewDatabase(t)
	standby := primary.Standby(t, "second")
	const database = "test1"
	query(t, primary.URL(database), "CREATE TABLE t AS SELECT 1 AS n")
	standby.Await(t, "the rows on the standby", func() bool {
		return query(
			t,
			standby.URL(database),
			"SELECT count(*) FROM pg_class WHERE relname = 't'",
		) == 1
	})
	primary.Freeze()
	if err := standby.Promote(); err != nil {
		t.Fatal(err)
	}
	query(t, standby.URL(database), "UPDATE t SET n = n + 1")
	if n := query(t, standby.URL(database), "SELECT n FROM t"); n != 2 {
		t.Errorf("n = %d, want 2", n)
	}
	primary.Thaw()
	if n := query(t, primary.URL(database), "SELECT n FROM t"); n != 1 {
		t.Errorf("n = %d on the old primary, want 1", n)
	}
}

// TestRefreshd: the program answers where its log says that it listens, and ends with status 0
// after SIGTERM.
func TestRefreshd(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		t.Run(format, func(t *testing.T) {
			s := shared.Start(t, "--log-format="+format)
			s.AwaitPort(t, s.URL[len("http://"):])
			s.AwaitPort(t, s.Operations[len("http://"):])
			if err := s.Stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

func query(t *testing.T, url, statement string) (n int) {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, statement)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(&n); err != nil {
			t.Fatal(err)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return n
}
