//go:build linux

// Package chaos runs several real servers on one store, ends sessions on one of them while the others are hammered, and stops,
// kills, starves and cuts off what it can meanwhile. Whatever happens, one sentence has to hold: when a revoke has returned, no
// server accepts a token of that session.
//
// Rounds are few enough for every day. REFRESH_SOAK=1 runs thousands.
package chaos

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"kalsel.dev/refresh/tests/pgtest"
)

// postgres serves all tests that leave it alone.
var postgres pgtest.Shared

var program struct {
	once sync.Once
	dir  string
	err  error
}

func TestMain(m *testing.M) {
	flag.Parse()
	// Most of the time these tests wait for leases to end, which needs no processor.
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	status := m.Run()
	if err := postgres.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	if err := os.RemoveAll(program.dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

// binary is the real program, built once.
func binary(tb testing.TB) string {
	tb.Helper()
	program.once.Do(func() {
		if program.dir, program.err = os.MkdirTemp("", "chaos-"); program.err != nil { //nolint:usetesting // it outlives the first test
			return
		}
		build := exec.Command("go", "build", "-o", filepath.Join(program.dir, "refreshd"), "kalsel.dev/refresh/cmd/refreshd")
		if out, err := build.CombinedOutput(); err != nil {
			program.err = fmt.Errorf("build refreshd: %w\n%s", err, out)
		}
	})
	if program.err != nil {
		tb.Fatal(program.err)
	}
	return filepath.Join(program.dir, "refreshd")
}

func soak() bool { return os.Getenv("REFRESH_SOAK") != "" }

// rounds is how often to try.
func rounds(everyDay, inSoak int) int {
	if soak() {
		return inSoak
	}
	return everyDay
}

// engines runs a test on each store that several processes can use, with as many servers as suit it.
func engines(t *testing.T, test func(t *testing.T, store string, servers int)) {
	t.Run("sqlite", func(t *testing.T) { test(t, sqliteFile(t), 2) })
	t.Run("postgres", func(t *testing.T) { test(t, postgres.Server(t).NewDatabase(t), 3) })
}

func sqliteFile(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "refresh.db") }
