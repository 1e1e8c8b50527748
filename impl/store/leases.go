package store

import (
	"context"

	"kalsel.dev/refresh/impl/revocation"
)

// Join writes a node's lease.
func (s *Store) Join(ctx context.Context, l revocation.Lease) error {
	_, err := s.exec(ctx, upsertLease, l.Node, l.Version, l.Acknowledged)
	return err
}

// Renew gives a lease its new version if the stored version is at least since. Else it returns
// false.
func (s *Store) Renew(ctx context.Context, l revocation.Lease, since int64) (bool, error) {
	n, err := s.exec(ctx, renewLease, l.Node, l.Version, since)
	return n > 0, err
}

// Leave deletes a node's lease.
func (s *Store) Leave(ctx context.Context, node string) error {
	_, err := s.exec(ctx, deleteLease, node)
	return err
}

// DropLease deletes a lease if its version is still the given one.
func (s *Store) DropLease(ctx context.Context, l revocation.Lease) error {
	_, err := s.exec(ctx, deleteLeaseIf, l.Node, l.Version)
	return err
}

// Leases returns the leases of all nodes, as of a moment after r was committed. It returns an error
// if the read does not show r.
func (s *Store) Leases(ctx context.Context, r revocation.Revocation) ([]revocation.Lease, error) {
	shown := false
	entry := exec(selectRevocation, rowID(r.Kind, r.Key()))
	entry.each = func(row row) error {
		found, err := scanRevocation(row)
		shown = found.Sequence >= r.Sequence
		return err
	}
	var leases []revocation.Lease
	list := exec(selectLeases)
	list.each = func(row row) error {
		l, err := scanLease(row)
		leases = append(leases, l)
		if !shown {
			err = errStale // an error of the statement drops the connections to this server
		}
		return err
	}
	err := s.readCurrent(ctx, entry, list)
	if err == nil && !shown {
		err = s.explain(ctx, errStale)
	}
	if err != nil {
		return nil, err
	}
	return leases, nil
}

// PeekLeases returns the leases of all nodes. The server that answers may be one that was replaced.
func (s *Store) PeekLeases(ctx context.Context) ([]revocation.Lease, error) {
	var leases []revocation.Lease
	err := s.read(ctx, all(&leases, scanLease, selectLeases))
	return leases, err
}

func scanLease(row row) (revocation.Lease, error) {
	var l revocation.Lease
	err := row.Scan(&l.Node, &l.Version, &l.Acknowledged)
	return l, err
}
