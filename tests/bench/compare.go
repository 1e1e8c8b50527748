//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
)

const starts = 5

func compareClosed(ctx context.Context, set settings, scenarios []scenario, result *report) error {
	if err := measureStarts(ctx, scenarios, result); err != nil {
		return err
	}
	return rounds(ctx, set, scenarios, closedLoop(set.Lean), result)
}

// compareOpen finds the floor's maximum in closed loop and then loads every server with the same share of it.
func compareOpen(ctx context.Context, set settings, scenarios []scenario, result *report) error {
	scenarios = slices.DeleteFunc(scenarios, func(s scenario) bool { return s.name == byHand && len(scenarios) > 2 })
	at := slices.IndexFunc(scenarios, func(s scenario) bool { return s.name == floor })
	if at < 0 {
		return errors.New("open loop needs the floor among its servers")
	}
	maximum := newReport(set)
	if err := rounds(ctx, set, scenarios[at:at+1], closedLoop(set.Lean), maximum); err != nil {
		return err
	}
	result.FloorMaximum = maximum.over(floor, rate).Median
	result.OfferedRate = set.Load * result.FloorMaximum
	return rounds(ctx, set, scenarios, openLoop(result.OfferedRate), result)
}

// rounds keeps all servers up and loads them in short turns, starting with another one each time. So what else the machine does, and how
// fast it happens to be, meets all of them alike.
func rounds(ctx context.Context, set settings, scenarios []scenario, how loop, result *report) error {
	bouts := make([]*bout, 0, len(scenarios))
	defer func() {
		for _, b := range bouts {
			b.end()
		}
	}()
	for _, s := range scenarios {
		b, err := begin(ctx, s, set, how)
		if err != nil {
			return err
		}
		bouts = append(bouts, b)
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
			fmt.Fprintf(os.Stderr, "round %d of %d: %-8s %7.0f requests/s, p99 %6.0f us\n", got.Round, set.Rounds, b.name, got.Rate, got.P99)
		}
	}
	return nil
}

// turns loads each server for the length of one measurement.
func turns(ctx context.Context, set settings, bouts []*bout) error {
	for _, b := range bouts {
		if err := b.round(ctx); err != nil {
			return err
		}
	}
	for turn := range int(set.Duration / set.Turn) {
		for i := range bouts {
			if err := bouts[(turn+i)%len(bouts)].turn(ctx, set.Turn); err != nil {
				return err
			}
		}
	}
	return nil
}

// measureStarts records program sizes and the time from exec to the first answer.
func measureStarts(ctx context.Context, scenarios []scenario, result *report) error {
	for _, s := range scenarios {
		var ready []float64
		for range starts {
			server, err := start(ctx, s)
			if err != nil {
				return err
			}
			server.stop()
			ready = append(ready, server.ready.Seconds()*1000)
		}
		file, err := os.Stat(s.command[0])
		if err != nil {
			return err
		}
		result.Starts = append(result.Starts, startUp{Server: s.name, Bytes: file.Size(), Milliseconds: spreadOf(ready)})
	}
	return nil
}
