//go:build linux

package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"kalsel.dev/refresh/impl/store"
	"kalsel.dev/refresh/tests/server"
)

// rotationServers are engine and number of sessions in the store.
const rotationServers = "sqlite/1000,sqlite/1000000,postgres/1000,postgres/1000000"

// compareRotation measures refreshd in rotation mode, in a closed loop. The window is 0, so every
// refresh is a rotation. Each connection refreshes sessions of its own, in random order. The stores
// last over all rounds.
func compareRotation(ctx context.Context, set settings, scratch string, result *report) error {
	program, err := program(ctx, set.refreshd, scratch)
	if err != nil {
		return err
	}
	var database *server.Postgres
	if strings.Contains(strings.Join(set.Servers, ","), "postgres/") {
		database, err = server.NewPostgres("fsync=on", "synchronous_commit=on",
			"shared_buffers=512MB", "max_wal_size=4GB")
		if err != nil {
			return err
		}
		defer database.Close()
	}
	var contenders []contender
	for _, name := range set.Servers {
		engine, number, _ := strings.Cut(name, "/")
		url := "sqlite:" + filepath.Join(scratch, engine+number+".db")
		if engine == "postgres" {
			url = database.URL("sessions" + number)
			if err := database.Exec("CREATE DATABASE sessions" + number); err != nil {
				return err
			}
		}
		count, err := strconv.Atoi(number)
		if err != nil || count < 1 || engine != "sqlite" && engine != "postgres" {
			return fmt.Errorf("server %q is not known: give one such as sqlite/1000", name)
		}
		c, err := rotating(ctx, program, scratch, url, count, set.Connections)
		if err != nil {
			return err
		}
		c.name = name
		contenders = append(contenders, c)
	}
	return rounds(ctx, set, contenders, closedLoop(true), result)
}

// rotating returns refreshd in rotation mode on a store with so many sessions.
func rotating(
	ctx context.Context, program, scratch, url string, count, clients int,
) (contender, error) {
	secret := rand.Text() + rand.Text()
	signer, err := newSigner(secret)
	if err != nil {
		return contender{}, err
	}
	talks, err := signer.sessions(count, clients)
	if err != nil {
		return contender{}, err
	}
	fmt.Fprintf(os.Stderr, "filling a store with %d sessions\n", count)
	if err := fill(ctx, url, "refresh_sessions", sessionColumns, count, signer.row); err != nil {
		return contender{}, err
	}
	return newRefreshd(refreshd, program, scratch, secret, talks,
		"REFRESH_STORE="+url, "REFRESH_ROTATION=true", "REFRESH_ROTATION_WINDOW=0s")
}

const (
	sessionColumns = "id, owner, identity, started_at, generation, rotated_at, key_id, " +
		"acknowledged, last_used_at, user_agent, expires_at, ends_at, kept_until"
	revocationColumns = "id, seq, identity, reason, revoked_at, kept_until"
	// identityEvery is how many revocations there are to one of an identity.
	identityEvery = 100
)

// fillRevocations writes revocations that concern none of the sessions that are refreshed.
func fillRevocations(ctx context.Context, path string, count int) error {
	now := time.Now()
	url := "sqlite:" + path
	err := fill(ctx, url, "refresh_revocations", revocationColumns, count, func(n int) []any {
		kind := "s" // of a session
		if n%identityEvery == 0 {
			kind = "i" // of an identity
		}
		kept := now.Add(240 * time.Hour)
		return []any{kind + idOf(n), n + 1, "", "bench", now.UnixMilli(), kept.UnixMilli()}
	})
	if err != nil {
		return err
	}
	return withDatabase(url, func(db *sql.DB) error {
		_, err := db.ExecContext(ctx, "UPDATE refresh_feed SET head = $1", count)
		return err
	})
}

// idOf is the ID of a row: spread over all values, as hashes are.
func idOf(n int) string {
	sum := sha256.Sum256(strconv.AppendInt([]byte("bench"), int64(n), 10))
	return hex.EncodeToString(sum[:])
}

// fill makes the schema and inserts rows as refreshd would have written them.
func fill(
	ctx context.Context, url, table, columns string, count int, row func(n int) []any,
) error {
	s, err := store.Open(ctx, url)
	if err == nil {
		err = s.Close()
	}
	if err != nil {
		return err
	}
	return withDatabase(url, func(db *sql.DB) error {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback() //nolint:errcheck // after the commit it does nothing
		for from := 0; from < count; from += batch {
			var values []any
			for n := from; n < min(from+batch, count); n++ {
				values = append(values, row(n)...)
			}
			if err := insert(ctx, tx, table, columns, values); err != nil {
				return err
			}
		}
		return tx.Commit()
	})
}

// batch is how many rows one statement inserts.
const batch = 50

// insert inserts rows; the driver keeps the prepared statement.
func insert(ctx context.Context, tx *sql.Tx, table, columns string, values []any) error {
	width := strings.Count(columns, ",") + 1
	var marks strings.Builder
	for i := range values {
		separator := ","
		if i%width == 0 {
			separator = "),("
		}
		fmt.Fprintf(&marks, "%s$%d", separator, i+1)
	}
	//nolint:gosec // names and marks are written here
	statement := fmt.Sprintf("INSERT INTO %s (%s) VALUES %s)", table, columns, marks.String()[2:])
	_, err := tx.ExecContext(ctx, statement, values...)
	return err
}

func withDatabase(url string, do func(*sql.DB) error) error {
	driver, name := "pgx", url
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		driver, name = "sqlite", "file:"+path
	}
	db, err := sql.Open(driver, name)
	if err != nil {
		return err
	}
	return errors.Join(do(db), db.Close())
}

// counters are what a server in rotation mode has counted.
type counters struct{ rotations, commits float64 }

// countersOf reads the metrics at an address; zeros if there are none.
func countersOf(ctx context.Context, address string) (c counters) {
	url := "http://" + address + "/metrics"
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return c
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return c
	}
	defer response.Body.Close()
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		number, _ := strconv.ParseFloat(value, 64)
		switch name {
		case `refreshd_rotations_total{answer="advanced"}`:
			c.rotations = number
		case "refreshd_store_commits_total":
			c.commits = number
		}
	}
	return c
}

// shared is how many rotations shared a commit on average.
func (c counters) shared(now counters) float64 {
	if now.commits == c.commits {
		return 0
	}
	return (now.rotations - c.rotations) / (now.commits - c.commits)
}
