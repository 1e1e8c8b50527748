package audit

import (
	"sync"
	"time"
)

// linesPerSecond is how many lines are written in a second for each kind of event that a single
// client can cause as often as it likes.
const linesPerSecond = 10

// bounds limits the lines of such events.
type bounds struct {
	mu    sync.Mutex
	kinds map[kind]*window
}

// kind is what lines are counted by. Both parts come from fixed lists.
type kind struct{ name, cause string }

// window counts the lines of one second.
type window struct {
	second           int64
	written, leftOut int
}

// RevokedAlready is the cause of a revocation that was in force before.
const RevokedAlready = "already"

// bounded reports that a single client can cause such events without end. New revocations,
// reuse, administration and key changes are always written.
func bounded(e Event) bool {
	switch e.Name {
	case RefreshRefused, RefreshDelayed, LateReplay, AdministrationRefused, Alarm:
		return true
	case Revocation:
		return e.Cause == RevokedAlready
	}
	return false
}

// next reports whether a line may be written now, and how many of its kind were left out since the
// last one.
func (b *bounds) next(e Event, now time.Time) (write bool, leftOut int) {
	if !bounded(e) {
		return true, 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.kinds == nil {
		b.kinds = map[kind]*window{}
	}
	w := b.kinds[kind{e.Name, e.Cause}]
	if w == nil {
		w = &window{}
		b.kinds[kind{e.Name, e.Cause}] = w
	}
	if second := now.Unix(); second != w.second {
		w.second, w.written = second, 0
	}
	if w.written >= linesPerSecond {
		w.leftOut++
		return false, 0
	}
	w.written++
	leftOut, w.leftOut = w.leftOut, 0
	return true, leftOut
}
