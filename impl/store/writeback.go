package store

import (
	"context"

	"kalsel.dev/refresh/impl/revocation"
)

// writtenBack is the reason that a revocation has if the store had lost it: its own reason is not
// known any more.
const writtenBack = "written back: the store had lost it"

// WriteBack adds the changes that are not in the store, in one transaction, and returns how many it
// added. A revocation that is in the store already stays as it is, unless it has to be kept longer
// or revokes more sessions.
func (s *Store) WriteBack(
	ctx context.Context, changes []revocation.Change,
) (added int, err error) {
	err = s.write(ctx, func(ctx context.Context, h handle) error {
		// No other node writes back at the same time.
		before, err := s.lockFeed(ctx, h)
		if err != nil {
			return err
		}
		head := before
		for _, c := range changes {
			insert := insertSession
			if c.Kind == revocation.OfIdentity {
				insert = insertCutoff
			}
			found := false
			one := &statement{
				text: insert,
				args: []any{rowID(c.Kind, c.Key), head + 1, "", writtenBack, "", c.RevokedAt, c.KeptUntil},
				each: func(row) error {
					found = true
					return nil
				},
			}
			if err := h.run(ctx, one); err != nil {
				return err
			}
			if found {
				head++
			}
		}
		added = int(head - before)
		return s.moveFeed(ctx, h, before, head)
	})
	if err != nil {
		return 0, err
	}
	return added, nil
}
