//go:build linux

// Command bench compares refreshd with two other servers on the same machine:
//
//   - floor: echo reads the same body and answers a constant of the same size. What HTTP costs anyway.
//   - by hand: the refresh endpoint in twenty lines of echo and golang-jwt with map claims.
//   - refreshd: this repository's server, built as for a release, everything on that is on by default.
//
// All servers are up at once and are loaded in turn, 100 ms each (-turn), in an order that rotates: a slow second of the machine
// touches all of them. A ratio is computed within a round of many turns and reported as "median (lowest..highest)" over the
// rounds. Trust the median, and no figure at all when "other load" is more than a few percent or the spread is wide: the machine
// was busy.
//
// Closed loop (the default): each connection sends its next request when the last answer has arrived, so the servers
// run as fast as they can and requests per second are comparable. The generator is Go's own HTTP client, as callers use it. It
// runs on the same cores and its cost is part of each figure, which brings ratios of requests per second nearer to 1; with
// -lean it costs a third of that, and "CPU us/request" is free of it. Latencies of a closed loop are those of a saturated server.
//
// Open loop (-open): requests are due at fixed times, at a share of the floor's maximum, and latency counts from
// when a request was due, not from when it could be sent: a stall counts against every request that it delays. "late" is
// how far the generator itself missed its times; figures below it mean nothing.
//
// Each answer is checked, one in a thousand with its signature. A wrong answer ends the run.
//
//	go run ./tests/bench
//	go run ./tests/bench -open
//	go run ./tests/bench -revocations 1000000
//	go run ./tests/bench -rotation
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

type settings struct {
	Rounds      int           `json:"rounds"`
	Duration    time.Duration `json:"duration_ns"`
	Turn        time.Duration `json:"turn_ns"`
	Warmup      time.Duration `json:"warmup_ns"`
	Connections int           `json:"connections"`
	Open        bool          `json:"open"`
	Lean        bool          `json:"lean"`
	Rotation    bool          `json:"rotation,omitempty"`
	Revocations int           `json:"revocations,omitempty"`
	Load        float64       `json:"load"`
	Servers     []string      `json:"servers"`
	refreshd    string
	output      string
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == "serve" {
		fail(serve(os.Args[2]))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	set, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		err = run(ctx, set)
	}
	if err != nil {
		stop()
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "bench:", err)
	os.Exit(1)
}

func parse(args []string) (settings, error) {
	var set settings
	var servers string
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.IntVar(&set.Rounds, "rounds", 7, "how many times each server is measured")
	flags.DurationVar(&set.Duration, "duration", 3*time.Second, "length of one measurement, over its turns")
	flags.DurationVar(&set.Turn, "turn", 0, "how long a server is loaded before it is another one's turn (default 100ms; 1s with -open and -rotation)")
	flags.DurationVar(&set.Warmup, "warmup", time.Second, "load before the first measurement that is not counted")
	flags.IntVar(&set.Connections, "c", 16, "keep-alive connections")
	flags.BoolVar(&set.Open, "open", false, "open loop: latency at a fixed rate of requests")
	flags.BoolVar(&set.Lean, "lean", false, "closed loop with a client that does next to nothing, in place of Go's own")
	flags.Float64Var(&set.Load, "load", 0.6, "open loop: rate as a share of the floor's maximum")
	flags.BoolVar(&set.Rotation, "rotation", false, "rotation mode on SQLite and PostgreSQL, with few and with many sessions, 64 connections")
	flags.IntVar(&set.Revocations, "revocations", 0, "compare refreshd with itself with so many revocations in force")
	flags.StringVar(&servers, "servers", "", "servers to compare: floor, by hand, refreshd (open loop leaves out \"by hand\"); with -rotation "+
		"engine/sessions ("+rotationServers+")")
	flags.StringVar(&set.refreshd, "refreshd", "", "a refreshd to measure in place of building one")
	flags.StringVar(&set.output, "json", "", "file to write every single measurement to")
	if err := flags.Parse(args); err != nil {
		return set, err
	}
	set.adjust(flags, servers)
	if flags.NArg() > 0 || set.Rounds < 1 || set.Connections < 1 || set.Duration <= 0 || set.Turn <= 0 || set.Load <= 0 || set.Load >= 1 {
		return set, errors.New("no arguments; rounds, c, duration and turn above 0; load between 0 and 1")
	}
	return set, nil
}

// adjust chooses what was not given: the servers, connections for rotation, and turns. Those are longer where the end of one would
// show in the slowest of a hundred, or what a store still writes in the next server's turn.
func (set *settings) adjust(flags *flag.FlagSet, servers string) {
	all, given := "floor,by hand,refreshd", false
	flags.Visit(func(f *flag.Flag) { given = given || f.Name == "c" })
	if set.Rotation {
		all = rotationServers
		if !given {
			set.Connections = 64
		}
	}
	if set.Revocations > 0 {
		all = refreshd + "," + revoked
	}
	if set.Turn == 0 {
		set.Turn = 100 * time.Millisecond
		if set.Open || set.Rotation {
			set.Turn = time.Second
		}
	}
	set.Turn = min(set.Turn, set.Duration)
	if servers == "" {
		servers = all
	}
	set.Servers = strings.Split(servers, ",")
}

func run(ctx context.Context, set settings) error {
	scratch, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	result := newReport(set)
	if set.Rotation {
		err = compareRotation(ctx, set, scratch, result)
	} else {
		err = compareRefresh(ctx, set, scratch, result)
	}
	if err != nil {
		return err
	}
	result.print(os.Stdout)
	if set.Rotation {
		result.printRotation(os.Stdout)
	}
	return result.save(set.output)
}

func compareRefresh(ctx context.Context, set settings, scratch string, result *report) error {
	scenarios, err := refreshScenarios(ctx, set, scratch)
	if err != nil {
		return err
	}
	if set.Open {
		return compareOpen(ctx, set, scenarios, result)
	}
	return compareClosed(ctx, set, scenarios, result)
}
