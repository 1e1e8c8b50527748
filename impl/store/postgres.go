package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

const (
	poolDefault = 16
	// channel is where the feed's growth is announced.
	channel = "refresh_feed"
	// migrationLock is the advisory lock that one process at a time migrates under: any number that is ours.
	migrationLock = 7_305_430_224
)

type postgresEngine struct{}

func openPostgres(ctx context.Context, raw string) (*Store, error) {
	config, pool, err := parsePostgres(raw)
	if err != nil {
		return nil, err
	}
	if err := migratePostgres(ctx, config.Copy()); err != nil {
		return nil, err
	}
	limit(config, "statement_timeout", statementLimit)
	limit(config, "lock_timeout", statementLimit/2)
	limit(config, "idle_in_transaction_session_timeout", 2*statementLimit)
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(pool)
	db.SetMaxIdleConns(pool)
	db.SetConnMaxIdleTime(5 * time.Minute)
	db.SetConnMaxLifetime(time.Hour)
	return &Store{engine: postgresEngine{}, reads: db, writes: db}, nil
}

func parsePostgres(raw string) (*pgx.ConnConfig, int, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, 0, BadURL("the PostgreSQL URL is malformed") // the error would quote it, password and all
	}
	if passwordEndsEarly(u) {
		return nil, 0, BadURL("the PostgreSQL URL is malformed: in the password, " +
			"write @ as %40, / as %2F, ? as %3F and # as %23")
	}
	pool := poolDefault
	if given := u.Query().Get("pool_max_conns"); given != "" {
		if pool, err = strconv.Atoi(given); err != nil || pool < 4 {
			return nil, 0, BadURL("pool_max_conns: must be a whole number of at least 4")
		}
	}
	text := u.String() // with an @ in the password escaped
	if u.Host == "" {
		text = raw // String would drop the slashes
	}
	config, err := pgx.ParseConfig(text)
	if err != nil {
		return nil, 0, BadURL(err.Error()) // which masks the password
	}
	delete(config.RuntimeParams, "pool_max_conns") // ours, not the server's
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "refreshd" // for pg_stat_activity
	}
	config.ConnectTimeout = min(max(config.ConnectTimeout, 0), statementLimit)
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = statementLimit
	}
	// A standby may lag: what is read there may be older than what was acknowledged.
	if config.ValidateConnect == nil {
		config.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	return config, pool, nil
}

// passwordEndsEarly reports whether a part of the password stands behind the host, because characters in
// it are not escaped. Errors would print that part, and the name server would be asked for it.
func passwordEndsEarly(u *url.URL) bool {
	if strings.Contains(u.Host, "#") || strings.Contains(u.EscapedPath()+u.EscapedFragment(), "@") {
		return true
	}
	for pair := range strings.SplitSeq(u.RawQuery, "&") {
		if name, _, _ := strings.Cut(pair, "="); strings.Contains(name, "@") || pair == name && pair != "" {
			return true
		}
	}
	return u.User != nil && strings.Contains(u.RawQuery, "@")
}

// limit sets a timeout of the server unless the URL sets it.
func limit(config *pgx.ConnConfig, name string, d time.Duration) {
	if _, ok := config.RuntimeParams[name]; !ok {
		config.RuntimeParams[name] = strconv.FormatInt(d.Milliseconds(), 10)
	}
}

func migratePostgres(ctx context.Context, config *pgx.ConnConfig) error {
	db := stdlib.OpenDB(*config)
	defer db.Close()
	var encoding string
	if err := db.QueryRowContext(ctx, "SHOW server_encoding").Scan(&encoding); err != nil {
		return err
	}
	if encoding != "UTF8" {
		return fmt.Errorf("the database's encoding is %s and must be UTF8", encoding)
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockID(migrationLock), lock.WithLockTimeout(1, 60))
	if err != nil {
		return err
	}
	if err := migrate(ctx, db, goose.DialectPostgres, goose.WithSessionLocker(locker)); err != nil {
		return err
	}
	return leaveRoom(ctx, db)
}

// leaveRoom keeps a quarter of each page of sessions free, so that a refresh finds room for its new version of the row beside the
// old one and touches no index (heap-only tuple). It is set once; an operator's own setting is left alone.
func leaveRoom(ctx context.Context, db *sql.DB) error {
	var unset bool
	const query = "SELECT reloptions IS NULL FROM pg_class WHERE oid = 'refresh_sessions'::regclass"
	if err := db.QueryRowContext(ctx, query).Scan(&unset); err != nil || !unset {
		return err
	}
	// Only the owner of the table may, and all works without it.
	_, _ = db.ExecContext(ctx, "ALTER TABLE refresh_sessions SET (fillfactor = 75)")
	return nil
}

// announce is sent with the commit.
func (postgresEngine) announce(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, "SELECT pg_notify($1, '')", channel)
	return err
}

func (postgresEngine) watch(ctx context.Context, db *sql.DB, wake func()) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.Raw(func(driver any) error {
		c := driver.(*stdlib.Conn).Conn()
		// Not for another use afterwards: it listens.
		defer c.Close(context.WithoutCancel(ctx))
		if _, err := c.Exec(ctx, "LISTEN "+channel); err != nil {
			return err
		}
		for {
			wake()
			if _, err := c.WaitForNotification(ctx); err != nil {
				return err
			}
		}
	})
}

// ours goes by SQLSTATE. 22 data, 23 constraints, 2F and 3x and 42 what a statement means: faults of ours. All else, such as 08
// connection, 25 read-only, 40 and 55 locks, 53 resources, 57 intervention, 58 system, and every error that is not the
// server's: it is away.
func (postgresEngine) ours(err error) bool {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return errors.Is(err, errRowID)
	}
	return strings.HasPrefix(e.Code, "22") || strings.HasPrefix(e.Code, "23") || strings.HasPrefix(e.Code, "2F") ||
		strings.HasPrefix(e.Code, "3") || strings.HasPrefix(e.Code, "42")
}
