package store

import (
	"context"
	"errors"

	"kalsel.dev/refresh/impl/revocation"
)

// Load calls apply for up to limit changes after a sequence, in order.
func (s *Store) Load(
	ctx context.Context, after int64, limit int, apply func(revocation.Change),
) (revocation.Page, error) {
	page := revocation.Page{Applied: after}
	// The head is read before the rows: each revocation up to the head is committed, and so the
	// next statement sees it.
	changes := readChanges(after, limit, apply)
	var identity string
	err := s.readCurrent(ctx, one([]any{&page.Head, &identity}, selectHead), changes.statement)
	if err == nil {
		err = s.own.compare(identity)
	}
	if err == nil {
		page.Applied = changes.appliedUpTo(page.Head)
	}
	return page, err
}

// Follow calls apply for up to limit changes after a sequence, in order, and acknowledges them in
// the lease, which gets the version next. It does so in one transaction. It returns an error if the
// transaction does not show the lease with at least its version.
func (s *Store) Follow(
	ctx context.Context, l revocation.Lease, next, after int64, limit int,
	apply func(revocation.Change),
) (revocation.Page, error) {
	page := revocation.Page{Applied: after}
	if err := s.own.err(); err != nil {
		return page, err
	}
	limited, cancel := context.WithTimeout(ctx, statementLimit)
	defer cancel()
	err := s.engine.follow(limited, func(ctx context.Context, h handle) error {
		var version *int64
		state := one([]any{&page.Head, &version}, selectHeadAndLease, l.Node)
		if err := h.run(ctx, state); err != nil {
			return err
		}
		// A later version is a write of this node whose answer got lost.
		if version == nil || *version < l.Version {
			return errStale
		}
		if page.Head <= after {
			return nil
		}
		changes := readChanges(after, limit, apply)
		if err := h.run(ctx, changes.statement); err != nil {
			return err
		}
		if page.Applied = changes.appliedUpTo(page.Head); page.Applied == after {
			return nil
		}
		// The acknowledgement is in the same transaction as the read, so that it is acknowledged
		// only by a server that has the same feed.
		acknowledge := exec(acknowledgeLease, l.Node, next, page.Applied, l.Version)
		if err := h.run(ctx, acknowledge); err != nil || acknowledge.changed == 0 {
			return errors.Join(errStale, err)
		}
		return nil
	})
	return page, s.explain(ctx, err)
}

// changes reads a part of the feed.
type changes struct {
	*statement
	limit, read int
	last        int64 // the last sequence that was applied
}

// readChanges returns a statement that applies up to limit changes after a sequence.
func readChanges(after int64, limit int, apply func(revocation.Change)) *changes {
	c := &changes{limit: limit, last: after}
	var id []byte
	c.statement = exec(selectChanges, after, limit)
	c.each = func(r row) error {
		var next revocation.Change
		err := r.Scan(&id, &next.Sequence, &next.RevokedAt, &next.KeptUntil)
		if err != nil {
			return err
		}
		if next.Kind, next.Key, err = parseRowID(id); err != nil {
			return err
		}
		apply(next)
		c.read++
		c.last = next.Sequence
		return nil
	}
	return c
}

// appliedUpTo returns the sequence up to which everything was applied, if head was read before the
// changes. Sequences without a row belong to revocations that were renewed or that have expired.
func (c *changes) appliedUpTo(head int64) int64 {
	if c.read < c.limit {
		return max(c.last, head)
	}
	return c.last
}
