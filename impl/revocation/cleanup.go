package revocation

import (
	"context"
	"time"
)

// RemoveFunc removes up to limit rows that need not be kept at a time (Unix milliseconds), and
// returns how many it removed.
type RemoveFunc func(ctx context.Context, at int64, limit int) (removed int, err error)

const (
	cleanUpEvery = time.Minute
	// cleanUpBatch is how many rows one statement removes: so few that no other statement has to
	// wait long.
	cleanUpBatch = 500
	// cleanUpRest is how many times as long as a batch took no other one begins: rotations share
	// the disk, and SQLite's writer, with the clean-up.
	cleanUpRest = 4
	// cleanUpBehind is how far the clean-up may be behind this machine's clock without an alarm.
	cleanUpBehind = 24 * time.Hour
	alarmEvery    = time.Hour
)

// cleanUp removes rows once a minute until ctx is done. The store says at which time, because this
// machine's clock may be wrong: then it would remove revocations that are needed.
func (n *Node) cleanUp(ctx context.Context, removes []RemoveFunc) {
	alarmed := -alarmEvery
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.clock.After(cleanUpEvery):
		}
		now := n.clock.Now()
		at, err := n.store.CleanUpTime(ctx, now.UnixMilli())
		if err != nil {
			n.log.Debug("Expired rows could not be removed", "error", err)
			continue
		}
		behind := time.Duration(now.UnixMilli()-at) * time.Millisecond
		if behind > cleanUpBehind && now.Mono-alarmed >= alarmEvery {
			alarmed = now.Mono
			n.log.Error("The clean-up of the store is behind the clock of this machine: the clock is wrong, or "+
				"no server has run for long. Check the clock; rows are removed slowly", "alarm", "clean_up_behind", "behind", behind)
		}
		for _, remove := range removes {
			n.removeAll(ctx, at, remove)
		}
	}
}

// removeAll calls remove until it finds fewer rows than the limit.
func (n *Node) removeAll(ctx context.Context, at int64, remove RemoveFunc) {
	for {
		began := n.clock.Now().Mono
		removed, err := remove(ctx, at, cleanUpBatch)
		if err != nil {
			n.log.Debug("Expired rows could not be removed", "error", err)
		}
		if err != nil || removed < cleanUpBatch {
			return
		}
		if rest := cleanUpRest * (n.clock.Now().Mono - began); rest > 0 {
			select {
			case <-ctx.Done():
				return
			case <-n.clock.After(rest):
			}
		}
	}
}

// removeExpired removes revocations that need not be kept any more, from the store and from memory.
func (n *Node) removeExpired(ctx context.Context, at int64, limit int) (int, error) {
	removed, err := n.store.Expire(ctx, at, limit)
	if removed < limit {
		n.memory.expire(at / 1000)
	}
	return removed, err
}
