package revocation

import (
	"context"
	"iter"
	"sync"
)

// lossMonitor is the part of the store that a node needs in order to notice that the store was
// replaced, and to repair it if it has lost revocations.
type lossMonitor interface {
	// SameStore returns an error that is ErrOtherStore if the store is not the one that was opened.
	SameStore(ctx context.Context) error
	// WriteBack adds the changes that are not in the store, in one transaction, and returns how many
	// it added. The sequences of the changes do not matter.
	WriteBack(ctx context.Context, changes []Change) (int, error)
}

const (
	// writeBackBatch is how many changes one transaction writes back.
	writeBackBatch = 500
	// writeBackSlack, in seconds, is how long a revocation must still be needed to be written back:
	// other nodes may have removed the rest.
	writeBackSlack = 60
)

// writeBack writes the revocations that are in memory, and not among those that the store has, to
// the store. The store has lost them: it was restored, or it failed over with loss.
func (n *Node) writeBack(ctx context.Context, stored *memory) error {
	written := 0
	for batch := range n.memory.lacking(stored, n.clock.Now().UnixMilli()/1000) {
		n.regressed = n.regressed || written == 0
		if err := n.replaceEpoch(ctx); err != nil {
			return err
		}
		added, err := n.store.WriteBack(ctx, batch)
		written += added
		n.writtenBack.Add(int64(added))
		if err != nil {
			return err
		}
	}
	if written > 0 {
		n.log.Error("alarm: the store had lost revocations. This server has written back those that it knew; "+
			"find out why the store lost data", "alarm", "revocations_written_back", "written_back", written)
	}
	return nil
}

// lacking returns the revocations of m that are not in stored, in batches. It leaves out those that
// need not be kept at now (Unix seconds).
func (m *memory) lacking(stored *memory, now int64) iter.Seq[[]Change] {
	return func(yield func([]Change) bool) {
		var batch []Change
		full := func(c Change) bool {
			batch = append(batch, c)
			if len(batch) < writeBackBatch {
				return true
			}
			defer func() { batch = nil }()
			return yield(batch)
		}
		needed := clamp(now + writeBackSlack)
		for key, until := range m.sessions.above(&stored.sessions) {
			if until > needed && !full(sessionChange(key, until, now)) {
				return
			}
		}
		for key, second := range m.cutoffs.above(&stored.cutoffs) {
			c := Change{Kind: OfIdentity, Key: key, RevokedAt: int64(second) * 1000, KeptUntil: Forever}
			if !full(c) {
				return
			}
		}
		if len(batch) > 0 {
			yield(batch)
		}
	}
}

// sessionChange returns the revocation of a session as far as the memory knows it. When it was
// revoked is not known.
func sessionChange(key Key, until uint32, now int64) Change {
	c := Change{Kind: OfSession, Key: key, RevokedAt: now * 1000, KeptUntil: Forever}
	if until < clamp(Forever/1000) {
		c.KeptUntil = int64(until)*1000 - 1 // of which memory.apply makes until again
	}
	return c
}

// ownRevocations holds the revocations that this process has made and has not read in the feed yet. If
// the store loses one of them, nothing else tells.
type ownRevocations struct {
	mu      sync.Mutex
	pending map[Key]int64 // the sequence
}

// add notes a revocation that was committed.
func (o *ownRevocations) add(c Change) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.pending == nil {
		o.pending = map[Key]int64{}
	}
	o.pending[c.Key] = c.Sequence
}

// expected returns the revocations that a read of the feed, which begins after the sequence
// applied, must show. It forgets those that were read before.
func (o *ownRevocations) expected(applied int64) map[Key]int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	var all map[Key]int64
	for key, sequence := range o.pending {
		if sequence <= applied {
			delete(o.pending, key)
			continue
		}
		if all == nil {
			all = map[Key]int64{}
		}
		all[key] = sequence
	}
	return all
}

// clear forgets all revocations, because the whole feed is read again and the rest written back.
func (o *ownRevocations) clear() {
	o.mu.Lock()
	defer o.mu.Unlock()
	clear(o.pending)
}
