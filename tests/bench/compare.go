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

// rounds measures each server once a round, starting with another one each time.
func rounds(ctx context.Context, set settings, scenarios []scenario, how loop, result *report) error {
	for round := range set.Rounds {
		for i := range scenarios {
			s := scenarios[(round+i)%len(scenarios)]
			got, err := measure(ctx, s, set, how)
			if err != nil {
				return err
			}
			got.Round = round + 1
			result.Samples = append(result.Samples, got)
			fmt.Fprintf(os.Stderr, "round %d of %d: %-8s %7.0f requests/s, p99 %6.0f us\n", got.Round, set.Rounds, s.name, got.Rate, got.P99)
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
