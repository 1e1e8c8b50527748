//go:build linux

package main

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"strings"

	"kalsel.dev/refresh/impl/store"
	"kalsel.dev/refresh/tests/server"
)

const (
	identityEvery = 100     // so many revocations there are to one of an identity
	rowsAtOnce    = 100_000 // of one statement
)

// database creates a database of a PostgreSQL that is as safe as one in production.
func (b *bench) database(name string) (url string, err error) {
	if b.postgres == nil {
		b.postgres, err = server.NewPostgres("fsync=on", "synchronous_commit=on",
			"shared_buffers=512MB", "max_wal_size=4GB")
		if err != nil {
			return "", err
		}
	}
	return b.postgres.URL(name), b.postgres.Exec("CREATE DATABASE " + name)
}

func (b *bench) stopDatabase() {
	if b.postgres != nil {
		_ = b.postgres.Close() // its folder was of this run only
	}
}

// fillSessions writes sessions whose tokens of generation 1 were minted last.
func (b *bench) fillSessions(ctx context.Context, url string, count int) error {
	login := b.owner()
	insert := fmt.Sprintf(`INSERT INTO refresh_sessions (id, owner, identity, started_at,
		generation, rotated_at, key_id, acknowledged, last_used_at, user_agent, expires_at,
		ends_at, kept_until)
		SELECT id, '%x', '%s', %[3]d, 1, %[3]d, '', 0, %[3]d, 'bench', %[4]d, %[4]d, %[5]d
		FROM rows`, sha256.Sum256([]byte(login.Identity)), login.Identity, b.start.UnixMilli(),
		login.Expires*1000, b.start.Add(2*sessionLife).UnixMilli())
	return fill(ctx, url, count, idOf, insert)
}

// fillRevocations writes revocations that concern none of the sessions that are refreshed.
func (b *bench) fillRevocations(ctx context.Context, url string, count int) error {
	insert := fmt.Sprintf(`INSERT INTO refresh_revocations (id, seq, identity, reason, revoked_at,
		kept_until) SELECT id, n, '', 'bench', %d, %d FROM rows`,
		b.start.UnixMilli(), b.start.Add(sessionLife).UnixMilli())
	id := func(n int) string {
		if n%identityEvery == 0 {
			return "i" + idOf(n)
		}
		return "s" + idOf(n) // of a session
	}
	return fill(ctx, url, count, id, insert,
		"UPDATE refresh_feed SET head = (SELECT MAX(n) FROM rows)")
}

// idOf is the ID of a row: spread over all values, as hashes are.
func idOf(n int) string {
	sum := sha256.Sum256(strconv.AppendInt([]byte("bench"), int64(n), 10))
	return hex.EncodeToString(sum[:])
}

// fill makes the schema, and executes the statements for so many rows as refreshd would write them.
// The relation rows has the IDs of the rows, and their numbers from 1 on.
func fill(
	ctx context.Context, url string, count int, id func(n int) string, statements ...string,
) error {
	s, err := store.Open(ctx, url)
	if err != nil {
		return err
	}
	if err := s.Close(); err != nil {
		return err
	}
	driver, name := "pgx", url
	rows := "SELECT id, n + $2 FROM json_array_elements_text($1) WITH ORDINALITY AS j (id, n)"
	size := "SELECT pg_database_size(current_database())"
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		driver, name = "sqlite", "file:"+path
		rows = "SELECT value, key + 1 + $2 FROM json_each($1)"
		size = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
	}
	db, err := sql.Open(driver, name)
	if err != nil {
		return err
	}
	defer db.Close()
	for from := 0; from < count; from += rowsAtOnce {
		var ids []string
		for n := from; n < min(from+rowsAtOnce, count); n++ {
			ids = append(ids, id(n))
		}
		array := `["` + strings.Join(ids, `","`) + `"]`
		for _, statement := range statements {
			statement = "WITH rows (id, n) AS (" + rows + ") " + statement
			if _, err := db.ExecContext(ctx, statement, array, from); err != nil {
				return fmt.Errorf("fill %s: %w", url, err)
			}
		}
	}
	var bytes int64
	err = db.QueryRowContext(ctx, size).Scan(&bytes)
	fmt.Fprintf(os.Stderr, "%d rows take %d MiB\n", count, bytes>>20)
	return err
}
