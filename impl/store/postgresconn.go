package store

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// connector opens the connections to a server, and drops them when they lead to the wrong one.
type connector struct {
	config *pgxpool.Config
	text   string // the URL
	limits map[string]string
	hosts  hosts
	// pooled is set once a connection pooler was found between this program and the server.
	pooled atomic.Bool
	check  atomic.Pointer[identity] // of the store that each new connection must lead to

	mu     sync.Mutex
	pools  []*pgxpool.Pool
	silent epoch // ends when the server stops answering
	used   epoch // ends when no open connection may be used again
}

// epoch is a time that ends once.
type epoch struct {
	context.Context
	end context.CancelFunc
}

func newEpoch() epoch {
	ctx, end := context.WithCancel(context.Background())
	return epoch{ctx, end}
}

// newConnector returns a BadURL if the URL is malformed.
func newConnector(text string) (*connector, error) {
	config, err := parseConfig(text)
	if err != nil {
		return nil, BadURL(err.Error()) // which masks the password
	}
	c := &connector{config: config, text: text, silent: newEpoch(), used: newEpoch()}
	// These are not sent when a connection opens, because poolers reject parameters that they do
	// not know.
	c.limits = map[string]string{
		"statement_timeout":                   milliseconds(statementLimit),
		"lock_timeout":                        milliseconds(statementLimit / 2),
		"idle_in_transaction_session_timeout": milliseconds(2 * statementLimit),
	}
	given := config.ConnConfig.RuntimeParams
	for name := range c.limits {
		if value, ok := given[name]; ok {
			c.limits[name] = value
			delete(given, name)
		}
	}
	config.MaxConnIdleTime, config.MaxConnLifetime = 5*time.Minute, time.Hour
	config.PingTimeout = dialLimit
	config.ShouldPing = func(_ context.Context, p pgxpool.ShouldPingParams) bool {
		return p.IdleDuration > 30*time.Second
	}
	config.BeforeConnect = c.prepareDial
	return c, nil
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// parseConfig reads the URL, and the files and variables that PostgreSQL's own programs read.
func parseConfig(text string) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(text)
	if err != nil {
		return nil, err
	}
	conn := config.ConnConfig
	if conn.RuntimeParams["application_name"] == "" {
		conn.RuntimeParams["application_name"] = "refreshd" // for pg_stat_activity
	}
	limit := statementLimit
	if several(conn) {
		limit = dialLimit
	}
	if conn.ConnectTimeout <= 0 {
		conn.ConnectTimeout = limit
	}
	conn.ConnectTimeout = min(conn.ConnectTimeout, statementLimit)
	conn.OnNotice = keepWarning
	conn.OnNotification = func(*pgconn.PgConn, *pgconn.Notification) {} // else they would be kept
	return config, nil
}

// pool returns a new pool of connections.
func (c *connector) pool(ctx context.Context, size int) (*pgxpool.Pool, error) {
	config := c.config.Copy()
	config.MaxConns = int32(size) //nolint:gosec // given by an operator, and checked
	config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		err := c.check.Load().checkConnection(ctx, conn)
		if err != nil && misleads(err) {
			c.drop() // the connections that are open do not show where new ones lead to
		}
		return err
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pools = append(c.pools, pool)
	return pool, nil
}

// drop makes the pools use none of their open connections again. Calls in progress go on.
func (c *connector) drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, pool := range c.pools {
		pool.Reset()
	}
	c.used.end()
	c.used = newEpoch()
}

// dropLike is drop for a connection that failed, unless the connections were dropped since it was
// opened.
func (c *connector) dropLike(conn *pgx.Conn) {
	opened, _ := conn.PgConn().CustomData()[epochKey].(epoch)
	if opened.Context == nil || opened.Err() == nil {
		c.drop()
	}
}

// current returns the epoch in which connections are opened now.
func (c *connector) current() epoch {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.used
}

// abandon is drop for a server that does not answer: calls in progress fail now.
func (c *connector) abandon() {
	c.drop()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.silent.end()
	c.silent = newEpoch()
}

// whileAnswering returns a context that is done when the server stops answering.
func (c *connector) whileAnswering(ctx context.Context) (context.Context, func()) {
	c.mu.Lock()
	silent := c.silent
	c.mu.Unlock()
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(silent, func() { cancel(errSilent) })
	return ctx, func() {
		stop()
		cancel(nil)
	}
}

var errSilent = errors.New("the server has stopped answering")

// prepareDial is called before each new connection. It reads the password anew, which may have
// changed, and puts the hosts into the order in which they are tried.
func (c *connector) prepareDial(_ context.Context, config *pgx.ConnConfig) error {
	if fresh, err := pgconn.ParseConfig(c.text); err == nil {
		config.Password = fresh.Password
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeCacheStatement
	if c.pooled.Load() {
		// A named statement stays with one connection of the server, and the next transaction may
		// be given another one.
		config.DefaultQueryExecMode = pgx.QueryExecModeExec
	}
	opened, dialled := c.current(), c.hosts.arrange(config)
	config.ValidateConnect = func(ctx context.Context, conn *pgconn.PgConn) error {
		conn.CustomData()[hostKey], conn.CustomData()[epochKey] = dialled(), opened
		if err := c.prepare(ctx, conn); err != nil {
			return err
		}
		c.hosts.good(dialled())
		return nil
	}
	return nil
}

// Keys of the data that pgconn keeps for a connection.
const (
	hostKey        = "host"
	epochKey       = "epoch"              // ends when connections of its time are dropped
	warningKey     = "warning"            // the server's last warning
	synchronousKey = "synchronous_commit" // as it was when the connection was opened
)

// prepare returns an error if the server must not be used: if it is read-only, because then it is
// not the primary, or if it acknowledges commits that could be lost. It recognises a pooler because
// the server process has another ID than the one that the connection was given.
func (c *connector) prepare(ctx context.Context, conn *pgconn.PgConn) error {
	process := strconv.FormatUint(uint64(conn.PID()), 10)
	const query = "SELECT pg_backend_pid(), current_setting('transaction_read_only'), " +
		"current_setting('synchronous_commit'); "
	// Through a pooler nothing is set here: another client would be given the connection with it.
	settings := c.settingsText("current_setting('synchronous_commit')", false) +
		" WHERE pg_backend_pid() = " + process
	results, err := conn.Exec(ctx, query+settings).ReadAll()
	if err != nil {
		return err
	}
	row := results[0].Rows[0]
	serverProcess, readOnly, synchronous := string(row[0]), string(row[1]), string(row[2])
	switch {
	case readOnly != "off":
		return errReadOnly
	case synchronous == "off" || synchronous == "local":
		return BadURL("synchronous_commit is " + synchronous + " for this user or database: " +
			"revocations that were acknowledged could be lost; set it to on")
	}
	conn.CustomData()[synchronousKey] = synchronous
	if serverProcess != process && !c.pooled.Swap(true) {
		return errPooler
	}
	return nil
}

// errPooler makes the connection that found the pooler start again, without named statements.
var errPooler = errors.New("there is a connection pooler before the server; try again")
