package store

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"kalsel.dev/refresh/impl/revocation"
)

const (
	poolDefault = 16
	// poolBehindPooler is the default there. PgBouncer's own default is 20 connections of the
	// server, and in session mode a client keeps the one that it has.
	poolBehindPooler = 8
	poolLeast        = 4
	// sessionWriters is how many commits of sessions a process has on their way at most.
	sessionWriters = 2
	// readQueue is how many reads may wait. If more wait, callers are told to try again.
	readQueue = 1024
	// dialLimit is how long a connection to one of several hosts may take to open.
	dialLimit = time.Second
	// closeLimit is how long closing the connections may take.
	closeLimit = 2 * time.Second
	// channel is the channel on which the growth of the feed is announced.
	channel = "refresh_feed"
)

// postgresEngine is a PostgreSQL server, and the standbys that may replace it.
type postgresEngine struct {
	connector *connector
	applied   []string
	// Each kind of work has connections of its own, so that a crowd in one does not delay another.
	reads, writes, upkeep *pgxpool.Pool
	writers               []*group[*sessionChange]
	seed                  maphash.Seed // of the hash that chooses a session's writer
	waiting               atomic.Int64 // reads
	commits               atomic.Int64
}

func openPostgres(
	ctx context.Context, raw string, batches prometheus.Observer,
) (engine, error) {
	c, size, err := parsePostgres(raw)
	if err != nil {
		return nil, err
	}
	applied, err := migratePostgres(ctx, c)
	if err != nil {
		return nil, err
	}
	e := &postgresEngine{connector: c, applied: applied, seed: maphash.MakeSeed()}
	switch {
	case size > 0:
	case c.pooled.Load():
		size = poolBehindPooler
	default:
		size = poolDefault
	}
	// One more connection waits for notifications.
	upkeep := min(2, size/4)
	writes := min(sessionWriters+1, size/4)
	for _, pool := range []struct {
		into **pgxpool.Pool
		size int
	}{
		{&e.upkeep, upkeep},
		{&e.writes, writes},
		{&e.reads, size - 1 - upkeep - writes},
	} {
		if *pool.into, err = c.pool(ctx, pool.size); err != nil {
			return nil, errors.Join(err, e.close())
		}
	}
	for range sessionWriters {
		e.writers = append(e.writers, newGroup(groupQueue/sessionWriters, batches, e.commitSessions))
	}
	return e, nil
}

func (e *postgresEngine) close() error {
	for _, w := range e.writers {
		w.close()
	}
	var closed sync.WaitGroup
	for _, pool := range []*pgxpool.Pool{e.reads, e.writes, e.upkeep} {
		if pool != nil {
			closed.Go(pool.Close)
		}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		closed.Wait()
	}()
	select {
	case <-done:
	case <-time.After(closeLimit): // a server that is frozen does not answer
	}
	return nil
}

func (e *postgresEngine) migrated() []string { return e.applied }

func (e *postgresEngine) committed() int64 { return e.commits.Load() }

func (e *postgresEngine) now(unixMilli *int64) *statement {
	return one([]any{unixMilli}, selectClock)
}

func (e *postgresEngine) announce() *statement { return exec("SELECT pg_notify($1, '')", channel) }

func (e *postgresEngine) read(ctx context.Context, list ...*statement) error {
	return e.onRead(ctx, func(ctx context.Context, c *connection) error {
		return c.run(ctx, list...)
	})
}

// current has a transaction that also writes: locking a row is a write, which a read-only server
// refuses and whose commit waits for replication. So if the commit is acknowledged, this is the
// server that acknowledges commits.
func (e *postgresEngine) current(ctx context.Context, l lane, list ...*statement) error {
	run := func(ctx context.Context, c *connection) error {
		var locked int
		_, err := c.commit(ctx, append([]*statement{one([]any{&locked}, lockFeed)}, list...))
		return err
	}
	if l == upkeep {
		return e.on(ctx, e.upkeep, run)
	}
	return e.onRead(ctx, run)
}

// onRead runs f on a connection for reads.
func (e *postgresEngine) onRead(
	ctx context.Context, f func(context.Context, *connection) error,
) error {
	defer e.waiting.Add(-1)
	if e.waiting.Add(1) > readQueue {
		return errQueueFull
	}
	return e.on(ctx, e.reads, f)
}

// on runs f on a connection of a pool. If the server stops answering, f is cancelled.
func (e *postgresEngine) on(
	ctx context.Context, pool *pgxpool.Pool, f func(context.Context, *connection) error,
) error {
	ctx, done := e.connector.whileAnswering(ctx)
	defer done()
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	c := &connection{Conn: conn.Conn(), engine: e}
	if err = f(ctx, c); err == nil {
		return nil
	}
	// If the server has ended the connection, the others are likely to be gone too.
	if misleads(err) || conn.Conn().IsClosed() && ctx.Err() == nil {
		e.connector.dropLike(conn.Conn())
	}
	if e.connector.pooled.Load() {
		return fmt.Errorf("through a connection pooler: %w", err)
	}
	return err
}

func (e *postgresEngine) transact(
	ctx context.Context, l lane, f func(context.Context, handle) error,
) error {
	pool := e.writes
	if l == upkeep {
		pool = e.upkeep
	}
	return e.on(ctx, pool, func(ctx context.Context, c *connection) error {
		t := &postgresTx{connection: c}
		if err := f(ctx, t); err != nil {
			if t.begun && !c.IsClosed() {
				_, _ = c.Exec(ctx, "ROLLBACK") // else the connection is closed, which does the same
			}
			return err
		}
		return t.commit(ctx)
	})
}

func (e *postgresEngine) follow(ctx context.Context, f func(context.Context, handle) error) error {
	return e.transact(ctx, upkeep, f)
}

// misleads reports an error of a connection that led to a server that is not the primary, or that
// does not confirm commits: after a failover others may lead to the same server.
func misleads(err error) bool {
	const readOnlyTransaction = "25006"
	p, ok := errors.AsType[*pgconn.PgError](err)
	return ok && p.Code == readOnlyTransaction || isMissing(err) || errors.Is(err, errStale) ||
		errors.Is(err, errUnconfirmed) || errors.Is(err, revocation.ErrOtherStore)
}

// isFault goes by SQLSTATE. The classes 22 (data), 23 (constraints), 2F, 3x and 42 (the statement
// itself) are faults of this program. All others, such as 08 (connection), 25 (read-only), 40 and
// 55 (locks), 53 (resources), 57 (intervention) and 58 (system), and every error that is not the
// server's, mean that the server is unavailable.
func (*postgresEngine) isFault(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return errors.Is(err, errRowID)
	}
	class := e.Code[:min(2, len(e.Code))]
	return class == "22" || class == "23" || class == "2F" || class == "42" ||
		strings.HasPrefix(class, "3")
}
