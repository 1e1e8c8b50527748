package revocation

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"
)

// ErrClock means that the clocks of the servers differ by more than they may. Until they are set
// right, this server cannot tell which tokens have expired or were used. The caller may try again.
var ErrClock = errors.New("the clocks of the servers differ too much")

// ClockStore is a store that has a clock of its own.
type ClockStore interface {
	// StoreTime returns the store's time in Unix milliseconds. ok is false if the store has no
	// clock of its own, because it is on this machine.
	StoreTime(ctx context.Context) (unixMilli int64, ok bool, err error)
}

// ClockCheck compares this machine's clock with the store's, which all servers share.
type ClockCheck struct {
	store ClockStore
	clock Clock
	skew  time.Duration
	log   *slog.Logger

	off atomic.Int64 // nanoseconds by which this clock is ahead, if that is more than skew; else 0
}

// NewClockCheck returns a ClockCheck that tolerates a difference of skew. If skew is 0, it compares
// nothing: no two clocks are exactly the same.
func NewClockCheck(
	store ClockStore, clock Clock, skew time.Duration, log *slog.Logger,
) *ClockCheck {
	return &ClockCheck{store: store, clock: clock, skew: skew, log: log}
}

// Run compares the clocks once a second until ctx is done.
func (c *ClockCheck) Run(ctx context.Context) {
	for {
		c.Compare(ctx)
		select {
		case <-ctx.Done():
			return
		case <-c.clock.After(renewEvery):
		}
	}
}

// Compare reads both clocks. If the store does not answer, the last result stays.
func (c *ClockCheck) Compare(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, renewLimit)
	defer cancel()
	before := c.clock.Now()
	stored, ok, err := c.store.StoreTime(ctx)
	if !ok || err != nil || c.skew == 0 {
		return
	}
	after := c.clock.Now()
	// The store read its clock between the two moments.
	ahead := time.Duration(before.Wall - stored*int64(time.Millisecond))
	if took := after.Mono - before.Mono; ahead < 0 {
		ahead = min(ahead+took, 0)
	}
	if ahead.Abs() <= c.skew {
		ahead = 0
	}
	switch was := c.off.Swap(int64(ahead)); {
	case was == 0 && ahead != 0:
		c.log.Error("The clock of this server differs from the store's by more than the servers' clocks may: "+
			"until one of them is set right, this server answers 503", "alarm", "clock_difference", "ahead_ms", ahead.Milliseconds(),
			"allowed_ms", c.skew.Milliseconds())
	case was != 0 && ahead == 0:
		c.log.Info("The clock of this server agrees with the store's again")
	}
}

// Err returns ErrClock if the clocks differed by more than they may when they were compared last. A
// nil ClockCheck compares nothing.
func (c *ClockCheck) Err() error {
	if c != nil && c.off.Load() != 0 {
		return ErrClock
	}
	return nil
}
