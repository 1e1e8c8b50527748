package pgtest_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"

	"kalsel.dev/refresh/tests/pgtest"
)

// TestRestart: what was committed is there after a stop, and after a crash.
func TestRestart(t *testing.T) {
	s := pgtest.Start(t)
	url := s.NewDatabase(t)
	query(t, url, "CREATE TABLE t AS SELECT 1 AS n")
	if err := s.Restart(); err != nil {
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
