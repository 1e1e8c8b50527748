//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"syscall"
	"time"

	"github.com/prometheus/procfs"
)

// rounds keeps all servers running and loads them in short turns, each time in another order.
func rounds(
	ctx context.Context, set settings, contenders []contender, how loop, result *report,
) error {
	var bouts []*bout
	defer func() {
		for _, b := range bouts {
			b.stop()
		}
	}()
	for _, c := range contenders {
		b, err := start(ctx, c)
		if err != nil {
			return err
		}
		bouts = append(bouts, b)
		if err := b.connect(ctx, how, set.Warmup); err != nil {
			return b.failure(err)
		}
	}
	for round := range set.Rounds {
		if err := turns(ctx, set, bouts); err != nil {
			return err
		}
		for _, b := range bouts {
			got, err := b.sample(ctx, round+1)
			if err != nil {
				return err
			}
			result.Samples = append(result.Samples, got)
			fmt.Fprintf(os.Stderr, "round %d of %d: %-8s %7.0f requests/s, p99 %6.0f us\n",
				got.Round, set.Rounds, b.name, got.Rate, got.P99)
		}
	}
	return nil
}

// turns loads each server for the length of one measurement.
func turns(ctx context.Context, set settings, bouts []*bout) error {
	for _, b := range bouts {
		b.took, b.late, b.elapsed, b.spent = b.took[:0], b.late[:0], 0, spent{}
		b.counted = countersOf(ctx, b.operations)
	}
	for turn := range int(set.Duration / set.Turn) {
		for i := range bouts {
			b := bouts[(turn+i)%len(bouts)]
			if err := b.turn(ctx, set.Turn); err != nil {
				return b.failure(err)
			}
		}
	}
	return nil
}

// turn loads the server once and adds what was measured to the sums.
func (b *bout) turn(ctx context.Context, length time.Duration) error {
	for _, w := range b.workers {
		w.took, w.late = w.took[:0], w.late[:0]
	}
	before, err := spentBy(b.process.PID)
	if err != nil {
		return err
	}
	began := time.Now()
	if err := b.how.drive(ctx, b.workers, began.Add(length)); err != nil {
		return err
	}
	b.elapsed += time.Since(began)
	after, err := spentBy(b.process.PID)
	b.spent.server += after.server - before.server
	b.spent.own += after.own - before.own
	b.spent.machine += after.machine - before.machine
	for _, w := range b.workers {
		b.took, b.late = append(b.took, w.took...), append(b.late, w.late...)
	}
	return err
}

// sample is the result of the round.
func (b *bout) sample(ctx context.Context, round int) (sample, error) {
	if len(b.took) == 0 {
		return sample{}, fmt.Errorf("%s: no answer in time", b.name)
	}
	slices.Sort(b.took)
	slices.Sort(b.late)
	count, seconds := float64(len(b.took)), b.elapsed.Seconds()
	others := (b.spent.machine - b.spent.server - b.spent.own) / seconds / float64(runtime.NumCPU())
	process, err := procfs.NewProc(b.process.PID)
	if err != nil {
		return sample{}, err
	}
	status, err := process.NewStatus()
	return sample{
		Server:    b.name,
		Round:     round,
		Requests:  len(b.took),
		Rate:      count / seconds,
		P50:       percentile(b.took, 0.5),
		P99:       percentile(b.took, 0.99),
		LateP99:   percentile(b.late, 0.99),
		ServerCPU: b.spent.server / count * 1e6,
		ClientCPU: b.spent.own / count * 1e6,
		Shared:    b.counted.shared(countersOf(ctx, b.operations)),
		Others:    max(0, others),
		RSS:       int64(status.VmRSS >> 10),
		Peak:      int64(status.VmHWM >> 10),
	}, err
}

// spent is CPU time up to a moment in seconds: of the server, of this program, of the machine.
type spent struct{ server, own, machine float64 }

func spentBy(pid int) (spent, error) {
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return spent{}, err
	}
	process, err := fs.Proc(pid)
	if err != nil {
		return spent{}, err
	}
	of, err := process.Stat()
	if err != nil {
		return spent{}, err
	}
	machine, err := fs.Stat()
	if err != nil {
		return spent{}, err
	}
	var own syscall.Rusage
	err = syscall.Getrusage(syscall.RUSAGE_SELF, &own)
	all := machine.CPUTotal
	return spent{
		server:  of.CPUTime(),
		own:     float64(own.Utime.Nano()+own.Stime.Nano()) / 1e9,
		machine: all.User + all.Nice + all.System + all.IRQ + all.SoftIRQ + all.Steal,
	}, err
}
