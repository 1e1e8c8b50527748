//go:build linux

package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

const (
	floor    = "floor"
	byHand   = "by hand"
	refreshd = "refreshd"
)

// scenario is one server and what its clients say to it.
type scenario struct {
	name    string
	command []string                     // program and arguments
	env     func(listen string) []string // makes the server listen at host:port
	dir     string                       // working directory and place of the server's log
	talk    func(client int) dialogue    // one for each connection
	// operations is where the server counts its rotations and commits; empty where there are none.
	operations string
	// ready is a URL that answers 200 when the server may be measured; empty where its first answer says so.
	ready string
}

// dialogue is one client's side of a connection. It may remember answers: the next request can depend on them.
type dialogue interface {
	next() []byte
	accept(answer) error
}

// refreshScenarios returns the chosen servers, all asked to redeem the same refresh tokens. The floor's constant is a
// real answer, recorded from the server that it is compared with, so that their sizes are equal.
func refreshScenarios(ctx context.Context, set settings, scratch string) ([]scenario, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	secret := rand.Text() + rand.Text()
	tokens := newTokens([]byte(secret), set.Connections)
	all := map[string]scenario{
		byHand: {
			name: byHand, command: []string{self, "serve", byHand}, dir: scratch, talk: tokens.refreshing,
			env: func(listen string) []string { return []string{"BENCH_LISTEN=" + listen, "BENCH_SECRET=" + secret} },
		},
	}
	reference := byHand
	if slices.Contains(set.Servers, refreshd) {
		reference = refreshd
		if all[refreshd], err = refreshdScenario(ctx, set.refreshd, scratch, secret, tokens); err != nil {
			return nil, err
		}
	}
	if reference == refreshd && slices.Contains(set.Servers, revoked) {
		if all[revoked], err = revokedScenario(ctx, all[refreshd], scratch, set.Revocations); err != nil {
			return nil, err
		}
	}
	constant, err := record(ctx, all[reference])
	if err != nil {
		return nil, err
	}
	all[floor] = scenario{
		name: floor, command: []string{self, "serve", floor}, dir: scratch, talk: tokens.reading,
		env: func(listen string) []string { return []string{"BENCH_LISTEN=" + listen, "BENCH_ANSWER=" + constant} },
	}
	return choose(all, set.Servers)
}

func choose(all map[string]scenario, names []string) ([]scenario, error) {
	chosen := make([]scenario, 0, len(names))
	for _, name := range names {
		s, known := all[name]
		if !known {
			return nil, fmt.Errorf("server %q is not known: there are %q, %q, %q and %q", name, floor, byHand, refreshd, revoked)
		}
		chosen = append(chosen, s)
	}
	return chosen, nil
}

func refreshdScenario(ctx context.Context, binary, scratch, secret string, tokens *tokens) (scenario, error) {
	binary, err := program(ctx, binary, scratch)
	if err != nil {
		return scenario{}, err
	}
	// The operations listener gets a free port and stays on: metrics are part of the production default.
	operations, err := freeAddress()
	if err != nil {
		return scenario{}, err
	}
	env := func(listen string) []string {
		return []string{"REFRESH_LISTEN=" + listen, "REFRESH_OPS_LISTEN=" + operations, "REFRESH_SECRET=" + secret}
	}
	return scenario{name: refreshd, command: []string{binary}, env: env, dir: scratch, talk: tokens.refreshing}, nil
}

// program is the path of the refreshd that was given, or of one built now.
func program(ctx context.Context, given, scratch string) (string, error) {
	if given != "" {
		return filepath.Abs(given)
	}
	built := filepath.Join(scratch, "refreshd")
	return built, build(ctx, built, "kalsel.dev/refresh/cmd/refreshd")
}

// build compiles a program with the flags of a release.
func build(ctx context.Context, to, program string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", to, program)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", program, err, out)
	}
	return nil
}

// record asks a server once and returns the body of its answer.
func record(ctx context.Context, s scenario) (string, error) {
	server, err := start(ctx, s)
	if err != nil {
		return "", err
	}
	defer server.stop()
	return server.first, nil
}
