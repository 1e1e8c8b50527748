package store

import (
	"context"
	"crypto/rand"

	"kalsel.dev/refresh/impl/revocation"
)

const (
	setEpoch      = `UPDATE refresh_store SET epoch = $1 WHERE id = 1 AND epoch = ''`
	replaceEpoch  = `UPDATE refresh_store SET epoch = $1 WHERE id = 1`
	selectServing = `SELECT head, ` + storeIdentity + `,
(SELECT epoch FROM refresh_store WHERE id = 1),
(SELECT version FROM refresh_leases WHERE node = $1) FROM refresh_feed WHERE id = 1`
)

// NewEpoch replaces the epoch of the feed, because the feed may have lost entries.
func (s *Store) NewEpoch(ctx context.Context) error {
	_, err := s.exec(ctx, replaceEpoch, rand.Text())
	return err
}

// ReadFeed returns up to limit changes after a sequence, in order, with the epoch of the feed and
// the version of the node's lease, which is 0 if the node has none. It reads every change that was
// acknowledged before the call.
func (s *Store) ReadFeed(
	ctx context.Context, node string, after int64, limit int,
) (revocation.FeedPage, error) {
	page := revocation.FeedPage{Page: revocation.Page{Applied: after}}
	var identity string
	var version *int64
	// The head is read before the rows, so the rows have each change up to it.
	changes := readChanges(after, limit, func(c revocation.Change) {
		page.Changes = append(page.Changes, c)
	})
	state := one([]any{&page.Head, &identity, &page.Epoch, &version}, selectServing, node)
	err := s.readCurrent(ctx, state, changes.statement)
	if err == nil {
		err = s.own.compare(identity)
	}
	if err != nil {
		return page, err
	}
	if version != nil {
		page.Lease = *version
	}
	page.Applied = changes.appliedUpTo(page.Head)
	return page, nil
}
