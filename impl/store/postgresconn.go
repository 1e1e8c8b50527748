package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// connector opens the connections of a pool. After a failover it drops all connections to the old
// server at once, and it does not take a commit for acknowledged if its replication was given up.
type connector struct {
	driver.Connector

	mu      sync.Mutex
	current *generation
}

// generation is the connections that were opened between two drops.
type generation struct{ dropped chan struct{} }

func newConnector(config *pgx.ConnConfig) *connector {
	return &connector{
		Connector: stdlib.GetConnector(*config),
		current:   &generation{dropped: make(chan struct{})},
	}
}

// drop makes the pool use none of its connections again.
func (c *connector) drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.current.dropped)
	c.current = &generation{dropped: make(chan struct{})}
}

// Connect implements driver.Connector.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	c.mu.Lock()
	generation := c.current
	c.mu.Unlock()
	opened, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &connection{Conn: opened.(*stdlib.Conn), generation: generation}, nil
}

// connection is a connection of database/sql.
type connection struct {
	*stdlib.Conn
	generation *generation
}

func (c *connection) isDropped() bool {
	select {
	case <-c.generation.dropped:
		return true
	default:
		return false
	}
}

// IsValid implements driver.Validator. It is asked when the connection goes back to the pool.
func (c *connection) IsValid() bool { return !c.isDropped() }

// ResetSession implements driver.SessionResetter. It is called before the connection is used again.
func (c *connection) ResetSession(ctx context.Context) error {
	if c.isDropped() {
		return driver.ErrBadConn
	}
	return c.Conn.ResetSession(ctx)
}

// ExecContext implements driver.ExecerContext. The statement may be a transaction of its own.
func (c *connection) ExecContext(
	ctx context.Context, query string, args []driver.NamedValue,
) (driver.Result, error) {
	clearWarning(c.Conn.Conn())
	result, err := c.Conn.ExecContext(ctx, query, args)
	return result, c.acknowledged(err)
}

// BeginTx implements driver.ConnBeginTx.
func (c *connection) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	tx, err := c.Conn.BeginTx(ctx, options)
	if err != nil {
		return nil, err
	}
	return transaction{tx, c}, nil
}

type transaction struct {
	driver.Tx
	conn *connection
}

func (t transaction) Commit() error {
	clearWarning(t.conn.Conn.Conn())
	return t.conn.acknowledged(t.Tx.Commit())
}

// errUnconfirmed means that the server committed, but did not wait until the commit was replicated.
var errUnconfirmed = errors.New("the server did not confirm that the change is replicated")

// acknowledged returns errUnconfirmed if the server sent a warning while it committed. PostgreSQL
// reports in this way that the wait for replication was cancelled, by a timeout or by an operator.
// The text of the warning depends on the server's language, so any warning counts.
func (c *connection) acknowledged(err error) error {
	if warning, warned := c.Conn.Conn().PgConn().CustomData()[warningKey].(string); warned && err == nil {
		return fmt.Errorf("%w: %s", errUnconfirmed, warning)
	}
	return err
}

// warningKey is where a connection keeps the server's last warning.
const warningKey = "warning"

func clearWarning(c *pgx.Conn) { delete(c.PgConn().CustomData(), warningKey) }

// keepWarning implements pgconn.NoticeHandler.
func keepWarning(c *pgconn.PgConn, n *pgconn.Notice) {
	if n.SeverityUnlocalized == "WARNING" {
		c.CustomData()[warningKey] = n.Message
	}
}

// prepare sets the parameters that the statements rely on, whatever the defaults of the user or the
// database are: the isolation level, and that warnings are sent. It keeps synchronous_commit as it
// is now: a connection goes on to wait for replication if the server's setting is lowered later.
// These are no startup parameters, because poolers reject those that they do not know. prepare
// returns an error if the server must not be used: if it is read-only, because then it is not the
// primary, or if it acknowledges commits that could be lost.
func prepare(ctx context.Context, c *pgconn.PgConn) error {
	const statements = "SET default_transaction_isolation = 'read committed'; " +
		"SET client_min_messages = 'warning'; " +
		"SELECT current_setting('transaction_read_only'), " +
		"set_config('synchronous_commit', current_setting('synchronous_commit'), false)"
	results, err := c.Exec(ctx, statements).ReadAll()
	if err != nil {
		return err
	}
	settings := results[len(results)-1].Rows[0]
	readOnly, synchronous := string(settings[0]), string(settings[1])
	switch {
	case readOnly != "off":
		return errors.New("the server is read-only: it is not the primary")
	case synchronous == "off" || synchronous == "local":
		return BadURL("synchronous_commit is " + synchronous + " for this user or database: revocations that were " +
			"acknowledged could be lost; set it to on")
	}
	return nil
}
