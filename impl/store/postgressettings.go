package store

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// settings returns a statement that sets the parameters that all others rely on, whatever the
// defaults of the user or the database are: the limits of time, that warnings are sent, and the
// isolation level. It keeps synchronous_commit as it was when the connection was opened: commits go
// on to wait for replication if the server's setting is lowered later.
func (c *connector) settings(conn *pgx.Conn, local bool) *statement {
	synchronous, _ := conn.PgConn().CustomData()[synchronousKey].(string)
	return exec(c.settingsText(quoted(synchronous), local))
}

// settingsText takes an SQL expression for synchronous_commit.
func (c *connector) settingsText(synchronous string, local bool) string {
	calls := []string{
		set("client_min_messages", quoted("warning"), local),
		set("synchronous_commit", synchronous, local),
	}
	if !local {
		calls = append(calls, set("default_transaction_isolation", quoted("read committed"), local))
	}
	for _, name := range []string{
		"statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout",
	} {
		calls = append(calls, set(name, quoted(c.limits[name]), local))
	}
	return "SELECT " + strings.Join(calls, ", ")
}

// set returns a call that sets a parameter, for one transaction or for the connection.
func set(name, expression string, local bool) string {
	return fmt.Sprintf("set_config('%s', %s, %t)", name, expression, local)
}

func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// errUnconfirmed means that the server committed, but did not wait until the commit was replicated.
var errUnconfirmed = errors.New("the server did not confirm that the change is replicated")

// acknowledged returns errUnconfirmed if the server sent a warning while it committed. PostgreSQL
// reports in this way that the wait for replication was cancelled, by a timeout or by an operator.
// The text of the warning depends on the server's language, so any warning counts.
func acknowledged(c *pgx.Conn) error {
	if warning, warned := c.PgConn().CustomData()[warningKey].(string); warned {
		return fmt.Errorf("%w: %s", errUnconfirmed, warning)
	}
	return nil
}

func clearWarning(c *pgx.Conn) { delete(c.PgConn().CustomData(), warningKey) }

// keepWarning implements pgconn.NoticeHandler.
func keepWarning(c *pgconn.PgConn, n *pgconn.Notice) {
	if n.SeverityUnlocalized == "WARNING" {
		c.CustomData()[warningKey] = n.Message
	}
}
