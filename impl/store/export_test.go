package store

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/stdlib"

	"kalsel.dev/refresh/impl/revocation"
)

// database returns the store as the tests fill it.
func (s *Store) database() *sql.DB {
	if e, ok := s.engine.(*sqliteEngine); ok {
		return e.writes
	}
	return stdlib.OpenDB(*s.engine.(*postgresEngine).connector.config.ConnConfig)
}

// LimitPages makes SQLite's file full at that many pages.
func (s *Store) LimitPages(ctx context.Context, pages int) error {
	var set int
	return s.database().QueryRowContext(ctx,
		"PRAGMA max_page_count="+strconv.Itoa(pages)).Scan(&set)
}

// Pragmas returns a setting of every connection that the store can have open at once.
func (s *Store) Pragmas(ctx context.Context, name string) ([]string, error) {
	var values []string
	for range sqliteReaders {
		conn, err := s.engine.(*sqliteEngine).reads.Conn(ctx)
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
	err := s.database().QueryRowContext(ctx, "PRAGMA "+name).Scan(&v)
	return append(values, v), err
}

// Fill inserts count revocations at once, as if they had been made one after the other.
func (s *Store) Fill(
	ctx context.Context, count int, revocation func(n int) revocation.Revocation,
) error {
	const rows = 500
	statement := "INSERT INTO refresh_revocations (id, seq, identity, reason, revoked_at, kept_until) VALUES "
	for i := range rows {
		statement += strings.TrimPrefix(fmt.Sprintf(",($%d,$%d,$%d,$%d,$%d,$%d)", 6*i+1, 6*i+2,
			6*i+3, 6*i+4, 6*i+5, 6*i+6),
			map[bool]string{true: ","}[i == 0])
	}
	tx, err := s.database().BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	for n := 0; n < count; n += rows {
		var args []any
		for i := n; i < n+rows; i++ {
			r := revocation(i)
			args = append(args, rowID(r.Kind, r.Key()), i+1, r.Identity, r.Reason, r.RevokedAt,
				r.KeptUntil)
		}
		if _, err := tx.ExecContext(ctx, statement, args...); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, "UPDATE refresh_feed SET head = $1", count); err != nil {
		return err
	}
	return tx.Commit()
}
