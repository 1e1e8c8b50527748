package store

import (
	"context"
	"database/sql"

	"kalsel.dev/refresh/impl/revocation"
)

// Changes calls apply for up to limit changes after a sequence, in order.
func (s *Store) Changes(ctx context.Context, after int64, limit int, apply func(revocation.Change)) (revocation.Page, error) {
	page := revocation.Page{Last: after}
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

func scanChanges(rows *sql.Rows, apply func(revocation.Change), page *revocation.Page) error {
	var id sql.RawBytes
	var c revocation.Change
	for rows.Next() {
		if err := rows.Scan(&id, &c.Sequence, &c.RevokedAt, &c.KeptUntil); err != nil {
			return err
		}
		var err error
		if c.Kind, c.Key, err = parseRowID(id); err != nil {
			return err
		}
		apply(c)
		page.Read++
		page.Last = c.Sequence
	}
	return rows.Err()
}

// Join writes a node's lease.
func (s *Store) Join(ctx context.Context, l revocation.Lease) error {
	_, err := s.exec(ctx, upsertLease, l.Node, l.Version, l.Acknowledged)
	return err
}

// Renew gives a lease its new version if the stored version is at least since.
func (s *Store) Renew(ctx context.Context, l revocation.Lease, since int64) (bool, error) {
	n, err := s.exec(ctx, renewLease, l.Node, l.Version, since)
	return n > 0, err
}

// Acknowledge sets a lease's version and what it acknowledges if the stored version is at least since.
func (s *Store) Acknowledge(ctx context.Context, l revocation.Lease, since int64) (bool, error) {
	n, err := s.exec(ctx, acknowledgeLease, l.Node, l.Version, l.Acknowledged, since)
	return n > 0, err
}

// Leave deletes a node's lease.
func (s *Store) Leave(ctx context.Context, node string) error {
	_, err := s.exec(ctx, deleteLease, node)
	return err
}

// DropLease deletes a lease if it has not been written since it was read.
func (s *Store) DropLease(ctx context.Context, l revocation.Lease) error {
	_, err := s.exec(ctx, deleteLeaseIf, l.Node, l.Version)
	return err
}

// Leases returns the leases of all nodes.
func (s *Store) Leases(ctx context.Context) ([]revocation.Lease, error) {
	return query(ctx, s, scanLease, selectLeases)
}

func scanLease(row row) (revocation.Lease, error) {
	var l revocation.Lease
	err := row.Scan(&l.Node, &l.Version, &l.Acknowledged)
	return l, err
}
