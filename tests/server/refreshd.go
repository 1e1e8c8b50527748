package server

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Secret is the HS256 secret of the servers that tests start.
const Secret = "a secret for tests only, not for anything else"

// Rounds returns how often a test repeats itself: everyDay, or soak where REFRESH_SOAK=1.
func Rounds(everyDay, soak int) int {
	if os.Getenv("REFRESH_SOAK") != "" {
		return soak
	}
	return everyDay
}

// Build compiles refreshd into a folder with the given flags of go build and returns its path.
func Build(ctx context.Context, folder string, flags ...string) (string, error) {
	binary := filepath.Join(folder, "refreshd")
	args := append(
		append([]string{"build"}, flags...),
		"-o",
		binary,
		"kalsel.dev/refresh/cmd/refreshd",
	)
	out, err := exec.CommandContext(ctx, "go", args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build refreshd: %w\n%s", err, out)
	}
	return binary, nil
}

// Refreshd is a running server.
type Refreshd struct {
	*Process
	// URL and Operations are where the two listeners are; Operations is "" if it is off.
	URL, Operations string
	tls             bool
}

// Start starts refreshd and returns it when it listens. It listens on free loopback ports with
// Secret and a store in memory unless args say otherwise, and is killed at the end of the test.
func (s *Shared) Start(tb testing.TB, args ...string) *Refreshd {
	tb.Helper()
	r := s.Launch(tb, args...)
	r.Await(tb, "refreshd to listen", func() bool { return r.listens() })
	return r
}

// Launch is like Start but does not wait. It is for servers that are expected to refuse to start.
func (s *Shared) Launch(tb testing.TB, args ...string) *Refreshd {
	tb.Helper()
	cmd := exec.Command(s.Program(tb), args...)
	cmd.Dir = tb.TempDir()
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"),
		"REFRESH_LISTEN=127.0.0.1:0",
		"REFRESH_OPS_LISTEN=127.0.0.1:0",
		"REFRESH_DRAIN=0s",
	}
	given := func(flag string) bool {
		return slices.ContainsFunc(
			args,
			func(arg string) bool { return strings.HasPrefix(arg, flag) },
		)
	}
	if !given("--store") {
		cmd.Env = append(cmd.Env, "REFRESH_STORE=sqlite::memory:")
	}
	if !given("--keys") && !given("--secret") {
		cmd.Env = append(cmd.Env, "REFRESH_SECRET="+Secret)
	}
	return &Refreshd{Process: Run(tb, cmd), tls: given("--tls-cert")}
}

// listens reports whether the server listens, and notes where.
func (r *Refreshd) listens() bool {
	public, operations := r.Log.Addresses()
	if public == "" {
		return false
	}
	r.URL = "http://" + public
	if r.tls {
		r.URL = "https://" + public
	}
	if operations != "" {
		r.Operations = "http://" + operations
	}
	return true
}
