package revocation

import "time"

// Clock reads the two clocks that a lease needs. SystemClock returns the real ones.
type Clock interface {
	// Now reads both clocks at one moment.
	Now() Instant
	// After sends the time once d has passed on the monotonic clock.
	After(d time.Duration) <-chan time.Time
}

// Instant is one reading of both clocks. The monotonic clock is never set, but it stands still
// while the machine is suspended. The wall clock goes on during a suspend, but an operator may set
// it.
type Instant struct {
	Mono time.Duration // since a fixed moment of this process
	Wall int64         // Unix nanoseconds
}

// UnixMilli returns the wall clock in Unix milliseconds.
func (i Instant) UnixMilli() int64 { return i.Wall / int64(time.Millisecond) }

// SystemClock returns the machine's clock.
func SystemClock() Clock { return systemClock{start: time.Now()} }

type systemClock struct{ start time.Time }

func (c systemClock) Now() Instant {
	t := time.Now()
	return Instant{Mono: t.Sub(c.start), Wall: t.UnixNano()}
}

func (systemClock) After(d time.Duration) <-chan time.Time { return time.After(d) }
