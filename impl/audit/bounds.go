package audit

import (
	"time"

	"kalsel.dev/refresh/impl/lines"
)

// bounds limits the lines of events that a single client can cause as often as it likes.
type bounds struct{ lines.Bound[kind] }

// kind is the key by which lines are counted. Both parts come from fixed lists.
type kind struct{ name, cause string }

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
	return b.Next(kind{e.Name, e.Cause}, now)
}
