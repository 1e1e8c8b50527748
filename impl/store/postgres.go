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
	// channel is the channel on which the growth of the feed is announced.
	channel = "refresh_feed"
	// migrationLock is the number of the advisory lock under which one process at a time migrates.
	migrationLock = 7_305_430_224
)

type postgresEngine struct{ connector *connector }

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
	connector := newConnector(config)
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(pool)
	db.SetMaxIdleConns(pool)
	db.SetConnMaxIdleTime(5 * time.Minute)
	db.SetConnMaxLifetime(time.Hour)
	return &Store{engine: postgresEngine{connector}, reads: db, writes: db}, nil
}

func parsePostgres(raw string) (*pgx.ConnConfig, int, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, 0, BadURL("the PostgreSQL URL is malformed") // the error would quote it with the password
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
	config.ValidateConnect = prepare
	config.OnNotice = keepWarning
	return config, pool, nil
}

// passwordEndsEarly reports whether a part of the password stands behind the host, because
// characters in it are not escaped. Errors would print that part, and the name server would be
// asked for it.
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

// announce sends a notification with the commit.
func (postgresEngine) announce(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, "SELECT pg_notify($1, '')", channel)
	return err
}

func (e postgresEngine) watch(ctx context.Context, db *sql.DB, wake func()) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.Raw(func(opened any) error {
		c := opened.(*connection)
		// The connection listens from now on, so it must not go back to the pool.
		defer c.Conn.Conn().Close(context.WithoutCancel(ctx))
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		go func() {
			select {
			case <-c.generation.dropped:
				cancel()
			case <-ctx.Done():
			}
		}()
		if _, err := c.Conn.Conn().Exec(ctx, "LISTEN "+channel); err != nil {
			return err
		}
		for {
			wake()
			if _, err := c.Conn.Conn().WaitForNotification(ctx); err != nil {
				return err
			}
		}
	})
}

// suspect drops all connections if one of them led to a server that is not the primary, or that
// does not confirm commits: after a failover others may lead to the same server.
func (e postgresEngine) suspect(err error) {
	const readOnlyTransaction = "25006"
	p, ok := errors.AsType[*pgconn.PgError](err)
	if ok && p.Code == readOnlyTransaction || errors.Is(err, errStale) || errors.Is(err, errUnconfirmed) {
		e.connector.drop()
	}
}

// isFault goes by SQLSTATE. The classes 22 (data), 23 (constraints), 2F, 3x and 42 (the statement
// itself) are faults of this program. All others, such as 08 (connection), 25 (read-only), 40 and
// 55 (locks), 53 (resources), 57 (intervention) and 58 (system), and every error that is not the
// server's, mean that the server is unavailable.
func (postgresEngine) isFault(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return errors.Is(err, errRowID)
	}
	class := e.Code[:min(2, len(e.Code))]
	return class == "22" || class == "23" || class == "2F" || strings.HasPrefix(class, "3") || class == "42"
}
