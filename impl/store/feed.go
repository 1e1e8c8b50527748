package store

import (
	"context"
	"database/sql"

	"kalsel.dev/refresh/impl/session"
)

// Changes calls apply for up to limit changes after a sequence, in order.
func (s *Store) Changes(ctx context.Context, after int64, limit int, apply func(session.Change)) (session.Page, error) {
	page := session.Page{Last: after}
	err := s.read(ctx, func(ctx context.Context) error {
		// Before the rows: all that has a sequence up to it is committed, and so is seen by the next statement.
		if err := s.reads.QueryRowContext(ctx, selectHead).Scan(&page.Head); err != nil {
			return err
		}
		if page.Head == after {
			return nil
		}
		rows, err := s.reads.QueryContext(ctx, selectChanges, after, limit)
		if err != nil {
			return err
		}
		defer rows.Close()
		return scanChanges(rows, apply, &page)
	})
	return page, err
}

func scanChanges(rows *sql.Rows, apply func(session.Change), page *session.Page) error {
	var id sql.RawBytes
	var c session.Change
	for rows.Next() {
		if err := rows.Scan(&id, &c.Sequence, &c.RevokedAt, &c.KeptUntil); err != nil {
			return err
		}
		key, ofIdentity, err := parseRowID(id)
		if err != nil {
			return err
		}
		c.Key, c.OfIdentity = key, ofIdentity
		apply(c)
		page.Read++
		page.Last = c.Sequence
	}
	return rows.Err()
}

// Join writes a node's lease.
func (s *Store) Join(ctx context.Context, l session.Lease) error {
	_, err := s.exec(ctx, upsertLease, l.Node, l.Version, l.Acknowledged)
	return err
}

// Renew gives a lease its new version if the stored version is at least since.
func (s *Store) Renew(ctx context.Context, l session.Lease, since int64) (bool, error) {
	n, err := s.exec(ctx, renewLease, l.Node, l.Version, since)
	return n > 0, err
}

// Acknowledge sets a lease's version and what it acknowledges if the stored version is at least since.
func (s *Store) Acknowledge(ctx context.Context, l session.Lease, since int64) (bool, error) {
	n, err := s.exec(ctx, acknowledgeLease, l.Node, l.Version, l.Acknowledged, since)
	return n > 0, err
}

// Leave deletes a node's lease.
func (s *Store) Leave(ctx context.Context, node string) error {
	_, err := s.exec(ctx, deleteLease, node)
	return err
}

// DropLease deletes a lease if it has not been written since it was read.
func (s *Store) DropLease(ctx context.Context, l session.Lease) error {
	_, err := s.exec(ctx, deleteLeaseIf, l.Node, l.Version)
	return err
}

// Leases returns the leases of all nodes.
func (s *Store) Leases(ctx context.Context) ([]session.Lease, error) {
	return query(ctx, s, scanLease, selectLeases)
}

func scanLease(row row) (session.Lease, error) {
	var l session.Lease
	err := row.Scan(&l.Node, &l.Version, &l.Acknowledged)
	return l, err
}
