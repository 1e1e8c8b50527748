package store

import (
	"context"
	"strconv"
)

// LimitPages makes SQLite's file full at that many pages.
func (s *Store) LimitPages(ctx context.Context, pages int) error {
	var set int
	return s.writes.QueryRowContext(ctx, "PRAGMA max_page_count="+strconv.Itoa(pages)).Scan(&set)
}

// Pragmas returns a setting of every connection that the store can have open at once.
func (s *Store) Pragmas(ctx context.Context, name string) ([]string, error) {
	var values []string
	for range sqliteReaders {
		conn, err := s.reads.Conn(ctx)
		if err != nil {
			return nil, err
		}
		defer conn.Close()
		var v string
		if err := conn.QueryRowContext(ctx, "PRAGMA "+name).Scan(&v); err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	var v string
	err := s.writes.QueryRowContext(ctx, "PRAGMA "+name).Scan(&v)
	return append(values, v), err
}
