package store

import "context"

// selectClock reads PostgreSQL's clock in Unix milliseconds.
const selectClock = `SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint`

// StoreTime returns the time of the store in Unix milliseconds. ok is false for SQLite, which has
// the clock of this machine.
func (s *Store) StoreTime(ctx context.Context) (unixMilli int64, ok bool, err error) {
	clock := s.engine.now(&unixMilli)
	if clock == nil {
		return 0, false, nil
	}
	err = s.read(ctx, clock)
	return unixMilli, true, err
}
