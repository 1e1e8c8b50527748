package revocation

import "time"

const (
	// LeaseTerm is how long a node may answer from memory after it noted the time, wrote its lease
	// and read the feed. A revoker waits as long for a node that does not acknowledge.
	LeaseTerm = 3 * time.Second
	// driftAllowance shortens the term on the node's side, because the clocks of two machines run
	// at different speeds: they differ by a thousandth at most while a clock is being slewed, and
	// this is ten times as much.
	driftAllowance = LeaseTerm / 100

	renewEvery = time.Second
	retryEvery = 250 * time.Millisecond
	// renewLimit bounds one renewal, so that there is time for another one if the store hangs.
	renewLimit = LeaseTerm / 2
)

// Lease is a node's row in the store. A revoker waits for every node that has one.
type Lease struct {
	Node         string // random, a new one for each process
	Version      int64  // counts the writes of the node
	Acknowledged int64  // the node has applied the feed up to this sequence
}

// term is the period in which a node answers from memory.
type term struct{ since Instant }

// live reports that the term is not over by either clock. If the wall clock is set back to before
// the term began, the term is over too.
func (t *term) live(now Instant) bool {
	if t == nil {
		return false
	}
	mono, wall := now.Mono-t.since.Mono, time.Duration(now.Wall-t.since.Wall)
	const length = LeaseTerm - driftAllowance
	return 0 <= mono && mono < length && 0 <= wall && wall < length
}
