package store

import "context"

// selectClock reads PostgreSQL's clock in Unix milliseconds.
const selectClock = `SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint`

// StoreTime returns the time of the store in Unix milliseconds. ok is false for SQLite, which has
// the clock of this machine.
func (s *Store) StoreTime(ctx context.Context) (unixMilli int64, ok bool, err error) {
	if s.group != nil {
		return 0, false, nil
	}
	err = s.read(ctx, func(ctx context.Context, h handle) error {
		return h.QueryRowContext(ctx, selectClock).Scan(&unixMilli)
	})
	return unixMilli, true, err
}
