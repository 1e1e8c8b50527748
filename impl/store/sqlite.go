package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/prometheus/client_golang/prometheus"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

const (
	sqliteReaders = 8
	// pollEvery is how often a process checks whether another process has changed the file. The
	// check reads shared memory.
	pollEvery = 20 * time.Millisecond
)

// sqliteEngine is a SQLite file, or a database in memory. All reads are current: there is one file
// and no other server.
type sqliteEngine struct {
	shared bool    // with other processes
	reads  *sql.DB // read only
	writes *sql.DB // one connection
	writer *sqliteWriter

	applied []string
}

func openSQLite(
	ctx context.Context, path string, batches prometheus.Observer,
) (engine, error) {
	e := &sqliteEngine{shared: path != ":memory:"}
	name, err := sqliteName(path)
	if err == nil && path != ":memory:" {
		err = awaitRestore(ctx, path)
	}
	if err != nil {
		return nil, err
	}
	// The pragmas are in the connection string, so that every connection has them.
	const pragmas = "_txlock=immediate&_pragma=busy_timeout(4000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)" +
		"&_pragma=journal_size_limit(67108864)&_pragma=wal_autocheckpoint(" + checkpointPages + ")"
	if e.writes, err = sql.Open("sqlite", name+pragmas); err != nil {
		return nil, err
	}
	e.writes.SetMaxOpenConns(1)
	e.writes.SetConnMaxLifetime(0)
	if e.reads, err = sql.Open("sqlite", name+pragmas+"&_pragma=query_only(1)"); err != nil {
		return nil, err
	}
	e.reads.SetMaxOpenConns(sqliteReaders)
	e.reads.SetMaxIdleConns(sqliteReaders)
	if e.applied, err = migrateSQLite(ctx, e.writes); err == nil {
		err = writable(ctx, e.writes)
	}
	if err == nil {
		e.writer, err = newSQLiteWriter(ctx, e.writes, batches, newCheckpointer(e.reads), frequent()...)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), e.close())
	}
	return e, nil
}

// migrateSQLite tries again if another process migrates the same file at the same moment: one of
// them fails as a whole, and then finds nothing to do.
func migrateSQLite(ctx context.Context, db *sql.DB) (applied []string, err error) {
	for range 5 {
		applied, err = migrate(ctx, db, goose.DialectSQLite3)
		if err == nil || errors.Is(err, ErrNewerSchema) || ctx.Err() != nil {
			return applied, err
		}
		select {
		case <-ctx.Done():
		case <-time.After(pollEvery):
		}
	}
	return nil, err
}

func (e *sqliteEngine) close() error {
	if e.writer != nil {
		e.writer.close()
	}
	return errors.Join(e.reads.Close(), e.writes.Close())
}

func (e *sqliteEngine) migrated() []string { return e.applied }

func (e *sqliteEngine) committed() int64 { return e.writer.commits.Load() }

func (e *sqliteEngine) read(ctx context.Context, list ...*statement) error {
	for i, s := range list {
		if err := runSQL(ctx, e.reads, s); err != nil {
			return &failure{i, err}
		}
	}
	return nil
}

func (e *sqliteEngine) current(ctx context.Context, _ lane, list ...*statement) error {
	return e.read(ctx, list...)
}

func (e *sqliteEngine) change(ctx context.Context, _ string, s *statement) error {
	return e.writer.exec(ctx, e.writer.jobs, s)
}

func (e *sqliteEngine) transact(
	ctx context.Context, _ lane, f func(context.Context, handle) error,
) error {
	return e.writer.several(ctx, f)
}

func (e *sqliteEngine) follow(ctx context.Context, f func(context.Context, handle) error) error {
	return f(ctx, sqliteFollower{e})
}

// sqliteFollower reads at once, so that the writer does not wait while a node applies the feed, and
// hands changes to the writer.
type sqliteFollower struct{ *sqliteEngine }

func (e sqliteFollower) run(ctx context.Context, list ...*statement) error {
	for i, s := range list {
		var err error
		if s.each != nil {
			err = runSQL(ctx, e.reads, s)
		} else {
			err = e.writer.exec(ctx, e.writer.first, s)
		}
		if err != nil {
			return &failure{i, err}
		}
	}
	return nil
}

func (*sqliteEngine) now(*int64) *statement { return nil }

func (*sqliteEngine) announce() *statement { return nil }

func (e *sqliteEngine) watch(ctx context.Context, wake func()) error {
	if !e.shared {
		<-ctx.Done()
		return nil
	}
	conn, err := e.reads.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for seen := int64(0); ; {
		var version int64
		if err := conn.QueryRowContext(ctx, "PRAGMA data_version").Scan(&version); err != nil {
			return err
		}
		if version != seen {
			seen = version
			wake()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// isFault goes by SQLite's result code.
func (*sqliteEngine) isFault(err error) bool {
	switch resultCode(err) {
	case sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_MISUSE,
		sqlite3.SQLITE_RANGE, sqlite3.SQLITE_SCHEMA, sqlite3.SQLITE_TOOBIG:
		return true
	}
	return errors.Is(err, errRowID)
}

// resultCode returns SQLite's primary result code (https://www.sqlite.org/rescode.html). For other
// errors it returns SQLITE_OK.
func resultCode(err error) int {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code() & 0xff
	}
	return sqlite3.SQLITE_OK
}
