package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"

	"kalsel.dev/refresh/impl/revocation"
)

// Load calls apply for up to limit changes after a sequence, in order.
func (s *Store) Load(
	ctx context.Context, after int64, limit int, apply func(revocation.Change),
) (revocation.Page, error) {
	var page revocation.Page
	err := s.readCurrent(ctx, func(ctx context.Context, h handle) error {
		// The head is read before the rows: each revocation up to the head is committed, and so the
		// next statement sees it.
		page = revocation.Page{Applied: after}
		if err := h.QueryRowContext(ctx, selectHead).Scan(&page.Head); err != nil {
			return err
		}
		return readChanges(ctx, h, limit, apply, &page)
	})
	return page, err
}

// Follow calls apply for up to limit changes after a sequence, in order, and acknowledges them in
// the lease, which gets the version next. It does so in one transaction. It returns an error if the
// transaction does not show the lease with at least its version.
func (s *Store) Follow(
	ctx context.Context, l revocation.Lease, next, after int64, limit int, apply func(revocation.Change),
) (revocation.Page, error) {
	var page revocation.Page
	follow := func(ctx context.Context, h handle) error {
		page = revocation.Page{Applied: after}
		var version sql.NullInt64
		if err := h.QueryRowContext(ctx, selectHeadAndLease, l.Node).Scan(&page.Head, &version); err != nil {
			return err
		}
		// A later version is a write of this node whose answer got lost.
		if !version.Valid || version.Int64 < l.Version {
			return errStale
		}
		if err := readChanges(ctx, h, limit, apply, &page); err != nil || page.Applied == after {
			return err
		}
		// The acknowledgement is in the same transaction as the read, so that it is acknowledged
		// only by a server that has the same feed.
		result, err := h.ExecContext(ctx, acknowledgeLease, l.Node, next, page.Applied, l.Version)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); n == 0 {
			return errors.Join(errStale, err)
		}
		return nil
	}
	var err error
	if s.group != nil {
		err = s.read(ctx, func(ctx context.Context, h handle) error {
			return follow(ctx, sqliteHandle{h, s.group})
		})
	} else {
		err = s.inTransaction(ctx, func(ctx context.Context, tx *sql.Tx) error { return follow(ctx, tx) })
	}
	return page, err
}

// sqliteHandle reads at once, and hands changes to the writer.
type sqliteHandle struct {
	handle
	group *group
}

func (h sqliteHandle) ExecContext(
	ctx context.Context, statement string, args ...any,
) (sql.Result, error) {
	n, err := h.group.exec(ctx, statement, args)
	return driver.RowsAffected(n), err
}

// readChanges applies the changes after page.Applied up to page.Head, but at most limit of them.
// Then page.Applied is the sequence up to which everything was applied.
func readChanges(
	ctx context.Context, h handle, limit int, apply func(revocation.Change), page *revocation.Page,
) error {
	if page.Head <= page.Applied {
		return nil
	}
	rows, err := h.QueryContext(ctx, selectChanges, page.Applied, limit)
	if err != nil {
		return err
	}
	defer rows.Close()
	var id sql.RawBytes
	var c revocation.Change
	read := 0
	for ; rows.Next(); read++ {
		if err := rows.Scan(&id, &c.Sequence, &c.RevokedAt, &c.KeptUntil); err != nil {
			return err
		}
		if c.Kind, c.Key, err = parseRowID(id); err != nil {
			return err
		}
		apply(c)
		page.Applied = c.Sequence
	}
	if read < limit {
		// Sequences without a row belong to revocations that were renewed or that have expired.
		page.Applied = max(page.Applied, page.Head)
	}
	return rows.Err()
}
