//go:build linux

// Package chaos runs several real servers on one store and revokes sessions on one of them while
// clients load the others. Meanwhile it freezes and kills servers and cuts their connections. One
// rule must always hold: when a revoke has returned, no server accepts a token of that session.
//
// The tests run a few rounds every day, and thousands with REFRESH_SOAK=1.
package chaos

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"kalsel.dev/refresh/tests/server"
)

var shared server.Shared

func TestMain(m *testing.M) {
	flag.Parse()
	// Most of the time these tests wait for leases to expire, which needs no processor.
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	os.Exit(shared.Main(m))
}

// engines runs a test on each store that several processes can use, with as many servers as suit
// it.
func engines(t *testing.T, test func(t *testing.T, store string, servers int)) {
	t.Run("sqlite", func(t *testing.T) { test(t, sqliteFile(t), 2) })
	t.Run("postgres", func(t *testing.T) { test(t, shared.Postgres(t).NewDatabase(t), 3) })
}

func sqliteFile(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "refresh.db") }
