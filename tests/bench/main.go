//go:build linux

// Command bench compares refreshd with two other servers on the same machine:
//
//   - floor: echo reads the same body and answers a constant of the same size. This is the cost of
//     HTTP alone.
//   - by hand: the refresh endpoint in twenty lines of echo and golang-jwt with map claims.
//   - refreshd: this repository's server, built as for a release, with default settings.
//
// All servers run at once and are loaded in turn, 100 ms each (-turn), in an order that changes, so
// a slow second of the machine affects all of them. A ratio is computed within a round of turns and
// printed as "median (lowest..highest)" over the rounds. Trust only the median. If "other load" is
// more than a few percent, or the spread is wide, the machine was busy: measure again.
//
// Closed loop (the default): each connection sends its next request when the last answer has
// arrived, so the servers run at full speed and requests per second are comparable. The generator
// is Go's own HTTP client, as callers use it. It runs on the same cores, so its cost is part of
// every figure and brings ratios of requests per second nearer to 1. With -lean the generator costs
// a third of that. "CPU us/request" never includes it. Latencies of a closed loop are those of a
// saturated server.
//
// Open loop (-open): requests are due at fixed times, at a share of the floor's maximum. Latency
// counts from the time when a request was due: a stall counts against every request that it delays.
// "late" is how far the generator itself missed its times; smaller latencies mean nothing.
//
// Overload (-overload): each store in rotation mode at 60 % of its capacity, and at three times of
// it, with 2,000 connections. The rate counts accepted refreshes, whose latency counts from when
// they were sent; every other answer must be 503.
//
// APIs (-apis): refreshes beside checks of access tokens: by refreshd as a gateway asks it, and by an
// API with the guard. Then a guard within this program follows a feed of a million revocations.
//
// Each answer is checked, one in a thousand with its signature. A wrong answer ends the run.
//
// To measure another server, add it to contender in contenders.go and name it in -servers.
//
//	go run ./tests/bench
//	go run ./tests/bench -open
//	go run ./tests/bench -revocations 1000000
//	go run ./tests/bench -rotation
//	go run ./tests/bench -overload
//	go run ./tests/bench -users
//	go run ./tests/bench -apis
//	go run ./tests/bench -lean -servers floor,refreshd,limited
//	go run ./tests/bench -lean -servers refreshd,besieged
package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
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
	Rotation    bool          `json:"rotation"`
	Overload    bool          `json:"overload"`
	Users       bool          `json:"users"`
	APIs        bool          `json:"apis"`
	Revocations int           `json:"revocations"`
	Load        float64       `json:"load"`
	Servers     []string      `json:"servers"`
	refreshd    string
	output      string
}

func main() {
	err := serve(os.Getenv("BENCH_SERVE"))
	if err == nil {
		err = compare(os.Args[1:])
	}
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// parse returns the settings. Turns are longer where the end of a turn would show in the slowest of
// a hundred requests, or where a store still writes during the next turn.
func parse(args []string) (settings, error) {
	var set settings
	var servers string
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.IntVar(&set.Rounds, "rounds", 7, "measurements of each server")
	flags.DurationVar(&set.Duration, "duration", 3*time.Second, "length of one measurement")
	flags.DurationVar(&set.Turn, "turn", 0,
		"length of a turn (default 100ms; 1s with -open and -rotation, 3s with -overload)")
	flags.DurationVar(&set.Warmup, "warmup", time.Second, "load before the first measurement")
	flags.IntVar(&set.Connections, "c", 0,
		"connections (default 16; 64 with -rotation, 2000 with -overload)")
	flags.BoolVar(&set.Open, "open", false, "open loop: latency at a fixed rate of requests")
	flags.BoolVar(&set.Lean, "lean", false, "closed loop with a minimal client")
	flags.Float64Var(&set.Load, "load", 0.6, "open loop: rate as a share of the floor's maximum")
	flags.BoolVar(&set.Rotation, "rotation", false, "rotation mode, few and many sessions")
	flags.BoolVar(&set.Overload, "overload", false, "rotation mode below and above the capacity")
	flags.BoolVar(&set.Users, "users", false, "a user service that takes 1 ms and 20 ms")
	flags.BoolVar(&set.APIs, "apis", false, "checks of access tokens by a gateway and by the guard")
	flags.IntVar(&set.Revocations, "revocations", 0,
		"compare refreshd with refreshd that has so many revocations in force")
	flags.StringVar(&servers, "servers", "", "servers to compare: floor, by hand, refreshd, "+
		"limited (rate limit, behind a proxy), besieged (by slow clients), the path of another "+
		"refreshd; with -rotation and -overload engine/sessions, such as sqlite/1000")
	flags.StringVar(&set.refreshd, "refreshd", "", "a refreshd to measure instead of building one")
	flags.StringVar(&set.output, "json", "", "file to write every measurement to")
	if err := flags.Parse(args); err != nil {
		return set, err
	}
	all, connections, turn := "floor,by hand,refreshd", 16, 100*time.Millisecond
	switch {
	case set.Rotation:
		all, connections = "sqlite/1000,sqlite/1000000,postgres/1000,postgres/1000000", 64
		turn, set.Lean = time.Second, true
	case set.Overload:
		all, connections = "sqlite/20000,postgres/20000", 2000
		turn, set.Lean = 3*time.Second, true // each turn begins with a burst
	case set.Users:
		all = "refreshd,asking/1ms,asking/20ms,sqlite/1000,rotating/1ms,rotating/20ms"
		connections, turn, set.Lean = 64, time.Second, true
	case set.APIs:
		all, set.Lean = "refreshd,access-sid,authenticate,guard", true
	case set.Revocations > 0:
		all = "refreshd,revoked"
	case set.Open:
		all, turn = "floor,refreshd", time.Second
	}
	set.Connections = cmp.Or(set.Connections, connections)
	set.Turn = min(cmp.Or(set.Turn, turn), set.Duration)
	set.Servers = strings.Split(cmp.Or(servers, all), ",")
	positive := set.Rounds > 0 && set.Connections > 0 && set.Turn > 0
	if flags.NArg() > 0 || !positive || set.Load <= 0 || set.Load >= 1 {
		return set, errors.New("give flags only: -rounds, -c, -duration and -turn above 0, " +
			"-load between 0 and 1")
	}
	return set, nil
}

func compare(args []string) error {
	set, err := parse(args)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	folder, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	secret := rand.Text() + rand.Text()
	b := bench{settings: set, signer: newSigner(secret), secret: secret, folder: folder}
	defer b.stopDatabase()
	defer b.stopSource()
	if set.Overload {
		return b.overload(ctx)
	}
	contenders, err := b.contenders(ctx, set.Servers)
	if err != nil {
		return err
	}
	result := newReport(set)
	how := loop{set.Lean, driveClosed}
	switch at := slices.Index(set.Servers, floor); {
	case set.Open && at < 0:
		return errors.New("the open loop needs the floor among its servers")
	case set.Open:
		// The floor's maximum in a closed loop decides the load of all servers.
		maximum := newReport(set)
		if err := rounds(ctx, set, contenders[at:at+1], how, maximum); err != nil {
			return err
		}
		result.FloorMaximum = maximum.over(floor, requestRate).Median
		result.OfferedRate = set.Load * result.FloorMaximum
		how = openLoop(result.OfferedRate)
	case !set.Rotation && !set.Users && !set.APIs:
		if err := measureStarts(ctx, contenders, result); err != nil {
			return err
		}
	}
	if err := rounds(ctx, set, contenders, how, result); err != nil {
		return err
	}
	result.print(os.Stdout)
	if set.measuresGuard() {
		if err := b.measureGuard(ctx); err != nil {
			return err
		}
	}
	return result.save()
}
