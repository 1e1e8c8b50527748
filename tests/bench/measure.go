//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"time"
)

// answerLimit is how long a client waits for one answer. A server that needs longer ends the run.
const answerLimit = 5 * time.Second

// sample is one measurement of one server.
type sample struct {
	Server    string  `json:"server"`
	Round     int     `json:"round"`
	Requests  int     `json:"requests"`
	Rate      float64 `json:"requests_per_second"`
	P50       float64 `json:"p50_us"`
	P99       float64 `json:"p99_us"`
	LateP99   float64 `json:"late_p99_us"` // open loop: by how much the generator missed its times
	ServerCPU float64 `json:"server_cpu_us_per_request"`
	ClientCPU float64 `json:"client_cpu_us_per_request"`
	Shared    float64 `json:"rotations_per_commit,omitempty"`
	Others    float64 `json:"others"`  // share of the machine that other processes and the kernel's own work took
	RSS       int64   `json:"rss_kib"` // at the end of the load
	Peak      int64   `json:"peak_rss_kib"`
}

// worker is one connection, what is said over it, and what was seen.
type worker struct {
	conn   io.Closer // a socket in the open loop
	ask    func(request []byte) (answer, error)
	client *client // of the open loop, which sends and receives by itself
	talk   dialogue
	took   []time.Duration // of each request
	late   []time.Duration
}

// measure starts a server, warms it up, loads it and ends it.
func measure(ctx context.Context, s scenario, set settings, how loop) (sample, error) {
	server, err := start(ctx, s)
	if err != nil {
		return sample{}, err
	}
	defer server.stop()
	workers, err := connect(server, set.Connections, how)
	defer disconnect(workers)
	if err != nil {
		return sample{}, err
	}
	if err := load(ctx, workers, how, set.Warmup); err != nil {
		return sample{}, fmt.Errorf("%s: %w%s", s.name, err, server.lastWords())
	}
	result, err := observe(ctx, server, workers, how, set.Duration)
	if err != nil {
		return sample{}, fmt.Errorf("%s: %w%s", s.name, err, server.lastWords())
	}
	return result, nil
}

// spent is CPU time up to a moment, by whom.
type spent struct {
	at                   time.Time
	server, own, machine time.Duration
}

func spentBy(pid int) (spent, error) {
	server, err := cpuTime(pid)
	if err != nil {
		return spent{}, err
	}
	machine, err := busyTime()
	return spent{at: time.Now(), server: server, own: ownCPUTime(), machine: machine}, err
}

func observe(ctx context.Context, server *process, workers []*worker, how loop, length time.Duration) (sample, error) {
	pid := server.cmd.Process.Pid
	result := sample{Server: server.name}
	counted, err := countersOf(ctx, server.operations)
	if err != nil {
		return sample{}, err
	}
	before, err := spentBy(pid)
	if err != nil {
		return sample{}, err
	}
	if err := load(ctx, workers, how, length); err != nil {
		return sample{}, err
	}
	after, err := spentBy(pid)
	if err != nil {
		return sample{}, err
	}
	if result.Shared, err = counted.since(ctx, server.operations); err != nil {
		return sample{}, err
	}
	if result.RSS, result.Peak, err = memory(pid); err != nil {
		return sample{}, err
	}
	return result, result.fill(workers, before, after)
}

func (s *sample) fill(workers []*worker, before, after spent) error {
	var took, late []time.Duration
	for _, w := range workers {
		took, late = append(took, w.took...), append(late, w.late...)
	}
	if len(took) == 0 {
		return errors.New("not one answer in time")
	}
	slices.Sort(took)
	slices.Sort(late)
	count, elapsed := float64(len(took)), after.at.Sub(before.at)
	server, own := after.server-before.server, after.own-before.own
	s.Requests, s.Rate = len(took), count/elapsed.Seconds()
	s.P50, s.P99 = micros(percentile(took, 0.5)), micros(percentile(took, 0.99))
	s.LateP99 = micros(percentile(late, 0.99))
	s.ServerCPU, s.ClientCPU = micros(server)/count, micros(own)/count
	others := after.machine - before.machine - server - own
	s.Others = max(0, others.Seconds()/elapsed.Seconds()/float64(runtime.NumCPU()))
	return nil
}

func connect(server *process, connections int, how loop) ([]*worker, error) {
	workers := make([]*worker, 0, connections)
	for i := range connections {
		w, err := how.dial(server.address)
		if err != nil {
			return workers, err
		}
		w.talk = server.talk(i)
		workers = append(workers, w)
	}
	return workers, nil
}

func disconnect(workers []*worker) {
	for _, w := range workers {
		_ = w.conn.Close()
	}
}

// load drives all workers for a while; they forget what they saw before.
func load(ctx context.Context, workers []*worker, how loop, length time.Duration) error {
	for _, w := range workers {
		w.took, w.late = w.took[:0], w.late[:0]
	}
	return how.drive(ctx, workers, time.Now().Add(length))
}
