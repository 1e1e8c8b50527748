package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

// migrationLock is the number of the advisory lock under which one process at a time migrates.
const migrationLock = 7_305_430_224

// migratePostgres brings the schema up to date, and returns the names of the migrations that it
// applied. Its statements have no limit of time.
func migratePostgres(ctx context.Context, c *connector) (applied []string, err error) {
	unlimited, err := newConnector(c.text)
	if err != nil {
		return nil, err
	}
	for name := range unlimited.limits {
		unlimited.limits[name] = "0"
	}
	db, err := unlimited.database(ctx)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	c.pooled.Store(unlimited.pooled.Load())
	var encoding string
	if err := db.QueryRowContext(ctx, "SHOW server_encoding").Scan(&encoding); err != nil {
		return nil, err
	}
	if encoding != "UTF8" {
		return nil, fmt.Errorf("the database's encoding is %s and must be UTF8", encoding)
	}
	// The lock belongs to a transaction: a pooler may give a lock of a connection to another
	// client.
	lock, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer lock.Rollback() //nolint:errcheck // it wrote nothing
	const wait = "SELECT set_config('statement_timeout', '0', true), " +
		"set_config('lock_timeout', '0', true), " +
		"set_config('idle_in_transaction_session_timeout', '0', true)"
	if _, err := lock.ExecContext(ctx, wait); err != nil {
		return nil, err
	}
	const take = "SELECT pg_advisory_xact_lock($1)"
	if _, err := lock.ExecContext(ctx, take, int64(migrationLock)); err != nil {
		return nil, err
	}
	if applied, err = migrate(ctx, db, goose.DialectPostgres); err != nil {
		const notAllowed = "42501"
		if e, ok := errors.AsType[*pgconn.PgError](err); ok && e.Code == notAllowed {
			return nil, fmt.Errorf("%w: %w", ErrNoRights, err)
		}
		return nil, err
	}
	return applied, leaveRoom(ctx, db)
}

// database opens the server for statements of database/sql. It fails if the server cannot be used.
func (c *connector) database(ctx context.Context) (*sql.DB, error) {
	db := stdlib.OpenDB(*c.config.ConnConfig, stdlib.OptionBeforeConnect(
		func(ctx context.Context, config *pgx.ConnConfig) error {
			err := c.prepareDial(ctx, config)
			config.DefaultQueryExecMode = pgx.QueryExecModeExec
			return err
		}))
	err := db.PingContext(ctx)
	if errors.Is(err, errPooler) {
		err = db.PingContext(ctx)
	}
	if err != nil && strings.Contains(err.Error(), "unsupported startup parameter") {
		err = fmt.Errorf("a connection pooler rejects a parameter of the URL: "+
			"set it for the database user: %w", err)
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// leaveRoom keeps a quarter of each page of sessions free. Then a refresh finds room for the new
// version of a row beside the old one and touches no index (heap-only tuple). An operator's own
// setting stays.
func leaveRoom(ctx context.Context, db *sql.DB) error {
	var unset bool
	const query = "SELECT reloptions IS NULL FROM pg_class WHERE oid = 'refresh_sessions'::regclass"
	if err := db.QueryRowContext(ctx, query).Scan(&unset); err != nil || !unset {
		return err
	}
	// Only the owner of the table may do this. Nothing depends on it.
	_, _ = db.ExecContext(ctx, "ALTER TABLE refresh_sessions SET (fillfactor = 75)")
	return nil
}
