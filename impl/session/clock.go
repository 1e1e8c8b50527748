package session

import "time"

// Clock tells the time in the two ways that a lease needs. The real one is SystemClock.
type Clock interface {
	// Now reads both clocks at one moment.
	Now() Instant
	// After sends once d has passed on the monotonic clock.
	After(d time.Duration) <-chan time.Time
}

// Instant is one reading of both clocks. The monotonic clock is never set, but stands still while the machine is
// suspended; the wall clock goes on then, but may be set.
type Instant struct {
	Mono time.Duration // since some fixed moment of this process
	Wall int64         // Unix nanoseconds
}

func (i Instant) seconds() int64      { return i.Wall / int64(time.Second) }
func (i Instant) milliseconds() int64 { return i.Wall / int64(time.Millisecond) }

// SystemClock returns the machine's clock.
func SystemClock() Clock { return systemClock{start: time.Now()} }

type systemClock struct{ start time.Time }

func (c systemClock) Now() Instant {
	t := time.Now()
	return Instant{Mono: t.Sub(c.start), Wall: t.UnixNano()}
}

func (systemClock) After(d time.Duration) <-chan time.Time { return time.After(d) }
