package store

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// begin names the isolation level, whatever is the default of the database. It never says READ
// WRITE: that would override the setting by which a server is made read-only before a failover.
const begin = "BEGIN ISOLATION LEVEL READ COMMITTED"

// connection is a connection that is in use.
type connection struct {
	*pgx.Conn
	engine *postgresEngine
}

// run sends the statements in one message and reads their results.
func (c *connection) run(ctx context.Context, list ...*statement) error {
	if len(list) == 1 && list[0].each == nil {
		tag, err := c.Exec(ctx, list[0].text, list[0].args...)
		if err != nil {
			return &failure{0, err}
		}
		list[0].changed = tag.RowsAffected()
		return nil
	}
	batch := &pgx.Batch{QueuedQueries: make([]*pgx.QueuedQuery, 0, len(list))}
	for _, s := range list {
		batch.Queue(s.text, s.args...)
	}
	results := c.SendBatch(ctx, batch)
	for i, s := range list {
		if err := s.result(results); err != nil {
			_ = results.Close() // reads the rest, of which nothing was committed
			return &failure{i, err}
		}
	}
	if err := results.Close(); err != nil {
		return &failure{len(list), err}
	}
	return nil
}

// result reads the result of a statement that was sent in a batch.
func (s *statement) result(results pgx.BatchResults) error {
	if s.each == nil {
		tag, err := results.Exec()
		s.changed = tag.RowsAffected()
		return err
	}
	rows, err := results.Query()
	if err != nil {
		return err
	}
	for rows.Next() && err == nil {
		err = s.each(rows)
	}
	rows.Close()
	return errors.Join(err, rows.Err())
}

// opening returns the statements that a transaction begins with. Through a pooler each transaction
// may have another connection of the server, so the settings are set for one transaction.
func (c *connection) opening() []*statement {
	list := []*statement{exec(begin)}
	if c.engine.connector.pooled.Load() {
		list = append(list, c.engine.connector.settings(c.Conn, true))
	}
	return list
}

// commit runs the statements in one transaction, all in one message, and returns after the commit.
// With an error and a culprit of 0 or more nothing was committed: the server confirmed the
// rollback, which the statement at that position has caused. Otherwise the outcome is not known.
func (c *connection) commit(ctx context.Context, list []*statement) (culprit int, err error) {
	opening := c.opening()
	whole := slices.Concat(opening, list, []*statement{exec("COMMIT")})
	if len(list) == 1 && len(opening) == 1 && list[0].each == nil {
		whole, opening = list, nil // a single statement is a transaction of its own
	}
	clearWarning(c.Conn)
	err = c.run(ctx, whole...)
	if err == nil {
		c.engine.commits.Add(1)
		return -1, acknowledged(c.Conn)
	}
	failed, ok := errors.AsType[*failure](err)
	_, answered := errors.AsType[*pgconn.PgError](err)
	if !ok || !answered || c.IsClosed() {
		return -1, err
	}
	culprit = failed.at - len(opening)
	if culprit < 0 || culprit >= len(list) {
		return -1, err
	}
	if c.PgConn().TxStatus() != 'I' {
		if _, undo := c.Exec(ctx, "ROLLBACK"); undo != nil {
			return -1, errors.Join(err, undo)
		}
	}
	return culprit, err
}

// postgresTx is a transaction of several messages. It begins with the first one.
type postgresTx struct {
	*connection
	begun bool
}

func (t *postgresTx) run(ctx context.Context, list ...*statement) error {
	if t.begun {
		return t.connection.run(ctx, list...)
	}
	t.begun = true
	opening := t.opening()
	err := t.connection.run(ctx, append(opening, list...)...)
	if f, ok := errors.AsType[*failure](err); ok {
		f.at -= len(opening)
	}
	return err
}

func (t *postgresTx) commit(ctx context.Context) error {
	if !t.begun {
		return nil
	}
	clearWarning(t.Conn)
	tag, err := t.Exec(ctx, "COMMIT")
	switch {
	case err != nil:
		return err
	case tag.String() != "COMMIT":
		return fmt.Errorf("the transaction was not committed: the server answered %s", tag)
	}
	t.engine.commits.Add(1)
	return acknowledged(t.Conn)
}

// sessionChange is a change of one session.
type sessionChange struct {
	id        string
	statement *statement
}

// change keeps a session with the same writer of a process, so that two of them do not wait for the
// same row.
func (e *postgresEngine) change(ctx context.Context, id string, s *statement) error {
	w := e.writers[maphash.String(e.seed, id)%uint64(len(e.writers))]
	return w.do(ctx, w.jobs, &sessionChange{id, s})
}

// commitSessions commits changes of sessions. They are in the order of their IDs, as those of all
// servers, so that no two transactions wait for each other.
func (e *postgresEngine) commitSessions(
	ctx context.Context, batch []*job[*sessionChange],
) (culprit int, err error) {
	slices.SortStableFunc(batch, func(a, b *job[*sessionChange]) int {
		return strings.Compare(a.change.id, b.change.id)
	})
	list := make([]*statement, len(batch))
	for i, j := range batch {
		list[i] = j.change.statement
	}
	ctx, cancel := context.WithTimeout(ctx, statementLimit)
	defer cancel()
	culprit = -1
	err = e.on(ctx, e.writes, func(ctx context.Context, c *connection) (err error) {
		culprit, err = c.commit(ctx, list)
		return err
	})
	return culprit, err
}
