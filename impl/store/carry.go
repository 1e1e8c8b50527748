package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"slices"
	"strings"
)

const (
	selectFeedHead = `SELECT head FROM refresh_feed WHERE id = 1`
	selectNext     = `SELECT head + 1 FROM refresh_feed WHERE id = 1`
	raiseHeadTo    = `UPDATE refresh_feed SET head = $1 WHERE id = 1 AND head < $1`

	// The later cut-off of an identity wins, a session keeps the time at which it was revoked
	// first, and each revocation is kept as long as one of the stores would have kept it. An entry
	// gets a new sequence only if it changes.
	isCutoff     = `substr(id, 1, 1) = '` + identityMark + `'`
	carryOverlap = ` ON CONFLICT (id) DO UPDATE SET seq = excluded.seq,
kept_until = max(kept_until, excluded.kept_until),
revoked_at = CASE WHEN ` + isCutoff + `
THEN max(revoked_at, excluded.revoked_at) ELSE revoked_at END
WHERE excluded.kept_until > kept_until OR ` + isCutoff + ` AND excluded.revoked_at > revoked_at`

	carryFacts = `UPDATE refresh_store SET max_lifetime = max(max_lifetime, $1),
rotation = max(rotation, $2), cleaned_until = max(cleaned_until, $3),
identity = CASE WHEN $4 = '' THEN identity ELSE $4 END WHERE id = 1`
	selectFacts = `SELECT max_lifetime, rotation, cleaned_until, identity
FROM refresh_store WHERE id = 1`
	carrySigning = `INSERT INTO refresh_signing_keys (thumbprint) VALUES ($1)
ON CONFLICT DO NOTHING`

	// sequenceLeap is more than the number of revocations that may have been made since a backup.
	sequenceLeap = 1_000_000_000
	leapHead     = `UPDATE refresh_feed SET head = head + $1 WHERE id = 1`
	renameStore  = `UPDATE refresh_store SET identity = $1 WHERE id = 1`
)

// carryOver adds to fresh the revocations of old that it does not have, the longest lifetimes of
// tokens, and the keys that have signed. It returns the number of revocations that it added or
// changed. The schema of old may be older or newer than that of fresh.
//
// The feed of fresh continues where the feed of old ended, so that programs which have followed
// old read each entry that they do not have.
func carryOver(ctx context.Context, old *sql.DB, fresh *sql.Tx) (carried int, err error) {
	var head int64
	if err := old.QueryRowContext(ctx, selectFeedHead).Scan(&head); err != nil {
		return 0, err
	}
	if _, err := fresh.ExecContext(ctx, raiseHeadTo, head); err != nil {
		return 0, err
	}
	if carried, err = carryRevocations(ctx, old, fresh); err != nil {
		return carried, err
	}
	facts, err := columnsOf(ctx, old, "refresh_store")
	if err != nil || len(facts) == 0 {
		return carried, err
	}
	var lifetime, rotation, cleaned int64
	var identity string
	err = old.QueryRowContext(ctx, selectFacts).Scan(&lifetime, &rotation, &cleaned, &identity)
	if err != nil {
		return carried, err
	}
	_, err = fresh.ExecContext(ctx, carryFacts, lifetime, rotation, cleaned, identity)
	if err != nil {
		return carried, err
	}
	return carried, carrySigningKeys(ctx, old, fresh)
}

// carryRevocations carries over the rows in the order of the feed, until one cannot be read.
func carryRevocations(ctx context.Context, old *sql.DB, fresh *sql.Tx) (carried int, err error) {
	known, err := columnsOf(ctx, fresh, "refresh_revocations")
	if err != nil {
		return 0, err
	}
	rows, err := old.QueryContext(ctx, "SELECT * FROM refresh_revocations ORDER BY seq")
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return 0, err
	}
	values, into := make([]any, len(names)), make([]any, len(names))
	for i := range values {
		into[i] = &values[i]
	}
	seq := slices.Index(names, "seq")
	if seq < 0 {
		return 0, errors.New("the table of revocations has no sequences")
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return carried, err
		}
		if err := fresh.QueryRowContext(ctx, selectNext).Scan(&values[seq]); err != nil {
			return carried, err
		}
		insert, args := insertOf(names, values, known)
		result, err := fresh.ExecContext(ctx, insert, args...)
		if err != nil {
			return carried, err
		}
		switch n, err := result.RowsAffected(); {
		case err != nil:
			return carried, err
		case n == 0: // the backup has it
			continue
		}
		carried++
		if _, err := fresh.ExecContext(ctx, raiseHeadTo, values[seq]); err != nil {
			return carried, err
		}
	}
	return carried, rows.Err()
}

// insertOf returns the statement for a row, with the columns that both schemas have.
func insertOf(names []string, values []any, known []string) (statement string, args []any) {
	var columns []string
	for i, name := range names {
		if slices.Contains(known, name) {
			columns, args = append(columns, name), append(args, values[i])
		}
	}
	return "INSERT INTO refresh_revocations (" + strings.Join(columns, ", ") + ") VALUES (?" +
		strings.Repeat(", ?", len(columns)-1) + ")" + carryOverlap, args
}

func carrySigningKeys(ctx context.Context, old *sql.DB, fresh *sql.Tx) error {
	thumbprints, err := texts(ctx, old, "SELECT thumbprint FROM refresh_signing_keys")
	if err != nil {
		return err
	}
	for _, thumbprint := range thumbprints {
		if _, err := fresh.ExecContext(ctx, carrySigning, thumbprint); err != nil {
			return err
		}
	}
	return nil
}

// renew makes another store of one that has lost revocations. Its feed goes on above all sequences
// that were given out after the backup: a program that has followed the lost part of the feed
// skips no new entry.
func renew(ctx context.Context, fresh *sql.Tx) error {
	if _, err := fresh.ExecContext(ctx, leapHead, sequenceLeap); err != nil {
		return err
	}
	_, err := fresh.ExecContext(ctx, renameStore, rand.Text())
	return err
}
