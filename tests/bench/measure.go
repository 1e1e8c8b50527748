//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/prometheus/procfs"
)

const starts = 5 // of each server, to measure how long a start takes

// rounds keeps all servers running and loads them in short turns, each time in another order.
func rounds(
	ctx context.Context, set settings, contenders []contender, how loop, result *report,
) error {
	var bouts []*bout
	for _, c := range contenders {
		b, err := start(ctx, c)
		if err != nil {
			return err
		}
		defer b.stop()
		bouts = append(bouts, b)
		if err := b.connect(how.lean); err != nil {
			return b.failure(err)
		}
		if err := b.turn(ctx, how, set.Warmup); err != nil {
			return err
		}
	}
	for round := range set.Rounds {
		for _, b := range bouts {
			b.reset()
		}
		for turn := range int(set.Duration/set.Turn) * len(bouts) {
			at := (turn/len(bouts) + turn) % len(bouts)
			if err := bouts[at].turn(ctx, how, set.Turn); err != nil {
				return err
			}
		}
		for _, b := range bouts {
			got, err := b.sample(round + 1)
			if err != nil {
				return err
			}
			result.Samples = append(result.Samples, got)
			fmt.Fprintf(os.Stderr, "round %d of %d: %-8s %7.0f requests/s, p99 %6.0f us\n",
				got.Round, set.Rounds, b.name, got.Figures[requestRate], got.Figures[p99])
		}
	}
	return nil
}

// reset begins a round.
func (b *bout) reset() {
	for _, w := range b.workers {
		w.took, w.late, w.shed = w.took[:0], w.late[:0], 0
	}
	b.users.reset()
	b.elapsed, b.spent = 0, spent{}
	b.rotations, b.commits = b.counted(rotations), b.counted(commits)
}

// measureStarts records program sizes and the time from exec to the first answer.
func measureStarts(ctx context.Context, contenders []contender, result *report) error {
	for _, c := range contenders {
		var ready []float64
		for range starts {
			b, err := start(ctx, c)
			if err != nil {
				return err
			}
			b.stop()
			ready = append(ready, b.ready.Seconds()*1000)
		}
		file, err := os.Stat(c.program)
		if err != nil {
			return err
		}
		started := startUp{Server: c.name, Bytes: file.Size(), Milliseconds: spreadOf(ready)}
		result.Starts = append(result.Starts, started)
	}
	return nil
}

// turn loads the server once and adds the measurements to the sums.
func (b *bout) turn(ctx context.Context, how loop, length time.Duration) error {
	for _, w := range b.workers {
		if err := w.SetDeadline(time.Now().Add(length + time.Minute)); err != nil {
			return b.failure(err)
		}
	}
	before, err := spentBy(b.process.PID)
	if err != nil {
		return b.failure(err)
	}
	began := time.Now()
	if b.rate > 0 {
		how = paced(b.rate)
	}
	if b.siege != nil {
		b.siege.on.Store(true)
		defer b.siege.on.Store(false)
	}
	if err := how.drive(ctx, b.workers, began.Add(length)); err != nil {
		return b.failure(err)
	}
	b.elapsed += time.Since(began)
	after, err := spentBy(b.process.PID)
	b.spent.server += after.server - before.server
	b.spent.own += after.own - before.own
	b.spent.machine += after.machine - before.machine
	return err
}

// sample is the result of the round.
func (b *bout) sample(round int) (sample, error) {
	var took, late []time.Duration
	shed := 0
	for _, w := range b.workers {
		took, late = append(took, w.took...), append(late, w.late...)
		shed += w.shed
	}
	if len(took) == 0 {
		return sample{}, fmt.Errorf("%s: no answer in time", b.name)
	}
	process, err := procfs.NewProc(b.process.PID)
	if err != nil {
		return sample{}, err
	}
	status, err := process.NewStatus()
	slices.Sort(took)
	slices.Sort(late)
	count, seconds := float64(len(took)), b.elapsed.Seconds()
	others := (b.spent.machine - b.spent.server - b.spent.own) / seconds / float64(runtime.NumCPU())
	return sample{Server: b.name, Round: round, Requests: len(took), Figures: map[string]float64{
		requestRate:  count / seconds,
		shedRate:     float64(shed) / seconds,
		p50:          percentile(took, 0.5),
		p99:          percentile(took, 0.99),
		lateP99:      percentile(late, 0.99),
		usersP99:     b.users.percentile(0.99),
		serverCPU:    b.spent.server / count * 1e6,
		generatorCPU: b.spent.own / count * 1e6,
		resident:     float64(status.VmRSS) / (1 << 20), // at the end of the load
		peak:         float64(status.VmHWM) / (1 << 20),
		otherLoad:    max(0, others) * 100, // of the machine, by other processes
		sharing: (b.counted(rotations) - b.rotations) /
			max(1, b.counted(commits)-b.commits),
	}}, err
}

// spent is CPU time up to a moment in seconds: of the server, of this program, of the machine.
type spent struct{ server, own, machine float64 }

func spentBy(pid int) (spent, error) {
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return spent{}, err
	}
	machine, err := fs.Stat()
	if err != nil {
		return spent{}, err
	}
	var cpu [2]float64
	for i, pid := range []int{pid, os.Getpid()} {
		process, err := fs.Proc(pid)
		if err != nil {
			return spent{}, err
		}
		status, err := process.Stat()
		if err != nil {
			return spent{}, err
		}
		cpu[i] = status.CPUTime()
	}
	all := machine.CPUTotal
	return spent{cpu[0], cpu[1],
		all.User + all.Nice + all.System + all.IRQ + all.SoftIRQ + all.Steal}, nil
}
