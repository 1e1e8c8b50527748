//go:build linux

package main

import (
	"context"
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

// bout is a server that is up, and its clients.
type bout struct {
	*process
	workers []*worker
	how     loop
	tally   tally // of the round under way
}

// tally is what the turns of one round add up to.
type tally struct {
	took, late   []time.Duration
	elapsed      time.Duration
	server, own  time.Duration // CPU time
	machine      time.Duration
	countedSince counters
}

// begin starts a server, connects to it and warms it up. The caller must end it.
func begin(ctx context.Context, s scenario, set settings, how loop) (*bout, error) {
	server, err := start(ctx, s)
	if err != nil {
		return nil, err
	}
	b := &bout{process: server, how: how}
	if b.workers, err = connect(server, set.Connections, how); err == nil {
		err = load(ctx, b.workers, how, set.Warmup)
	}
	if err != nil {
		b.end()
		return nil, b.failure(err)
	}
	return b, nil
}

func (b *bout) end() {
	disconnect(b.workers)
	b.stop()
}

// round begins a new tally.
func (b *bout) round(ctx context.Context) (err error) {
	b.tally = tally{took: b.tally.took[:0], late: b.tally.late[:0]}
	b.tally.countedSince, err = countersOf(ctx, b.operations)
	return err
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

// turn loads the server once and adds what was seen to the tally.
func (b *bout) turn(ctx context.Context, length time.Duration) error {
	pid := b.cmd.Process.Pid
	before, err := spentBy(pid)
	if err != nil {
		return err
	}
	if err := load(ctx, b.workers, b.how, length); err != nil {
		return b.failure(err)
	}
	after, err := spentBy(pid)
	if err != nil {
		return err
	}
	t := &b.tally
	t.elapsed += after.at.Sub(before.at)
	t.server, t.own, t.machine = t.server+after.server-before.server, t.own+after.own-before.own, t.machine+after.machine-before.machine
	for _, w := range b.workers {
		t.took, t.late = append(t.took, w.took...), append(t.late, w.late...)
	}
	return nil
}

// sample is the sum of the turns since the round began.
func (b *bout) sample(ctx context.Context, round int) (sample, error) {
	t := &b.tally
	if len(t.took) == 0 {
		return sample{}, fmt.Errorf("%s: not one answer in time", b.name)
	}
	slices.Sort(t.took)
	slices.Sort(t.late)
	count := float64(len(t.took))
	others := (t.machine - t.server - t.own).Seconds() / t.elapsed.Seconds() / float64(runtime.NumCPU())
	s := sample{
		Server: b.name, Round: round, Requests: len(t.took), Rate: count / t.elapsed.Seconds(),
		P50: micros(percentile(t.took, 0.5)), P99: micros(percentile(t.took, 0.99)), LateP99: micros(percentile(t.late, 0.99)),
		ServerCPU: micros(t.server) / count, ClientCPU: micros(t.own) / count, Others: max(0, others),
	}
	var err error
	if s.Shared, err = t.countedSince.since(ctx, b.operations); err != nil {
		return s, err
	}
	s.RSS, s.Peak, err = memory(b.cmd.Process.Pid)
	return s, err
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
