package store

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	sqlite3 "modernc.org/sqlite/lib"
)

// sqliteWriter commits all changes of a SQLite store, because SQLite has one writer.
type sqliteWriter struct {
	*group[sqliteChange]
	db       *sql.DB // with one connection
	prepared map[string]*sql.Stmt
	log      *checkpointer
	stopLog  context.CancelFunc
	tasks    sync.WaitGroup
	commits  atomic.Int64
}

// sqliteChange runs the statements of one change.
type sqliteChange func(context.Context, sqliteTx) error

// newSQLiteWriter starts the writer. The statements are prepared once for all.
func newSQLiteWriter(
	ctx context.Context, db *sql.DB, batches prometheus.Observer, log *checkpointer,
	statements ...string,
) (*sqliteWriter, error) {
	w := &sqliteWriter{db: db, log: log, prepared: map[string]*sql.Stmt{}}
	for _, text := range statements {
		s, err := db.PrepareContext(ctx, text) //nolint:sqlclosecheck // lives as long as db
		if err != nil {
			return nil, err
		}
		w.prepared[text] = s
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	w.stopLog = stop
	w.tasks.Go(func() { log.run(running) })
	w.group = newGroup(groupQueue, batches, w.commit)
	return w, nil
}

// close stops the writer and the checkpointer, after the commit and the copy in progress.
func (w *sqliteWriter) close() {
	w.group.close()
	w.stopLog()
	w.tasks.Wait()
}

// exec runs one statement. If it fails, SQLite undoes that statement only.
func (w *sqliteWriter) exec(
	ctx context.Context, queue chan *job[sqliteChange], s *statement,
) error {
	return w.do(ctx, queue, func(ctx context.Context, tx sqliteTx) error { return tx.run(ctx, s) })
}

// several runs a change of more than one statement. Either all of them apply or none.
func (w *sqliteWriter) several(ctx context.Context, f func(context.Context, handle) error) error {
	return w.do(ctx, w.first, func(ctx context.Context, tx sqliteTx) error {
		if err := tx.run(ctx, exec("SAVEPOINT change")); err != nil {
			return err
		}
		failed := f(ctx, tx)
		if failed != nil {
			if err := tx.run(ctx, exec("ROLLBACK TO change")); err != nil {
				return errors.Join(failed, err)
			}
		}
		return errors.Join(failed, tx.run(ctx, exec("RELEASE change")))
	})
}

// commit runs the changes in one transaction. It returns an error if none of the changes was
// committed, or perhaps all of them.
func (w *sqliteWriter) commit(
	ctx context.Context, batch []*job[sqliteChange],
) (culprit int, err error) {
	tx, err := w.db.BeginTx(ctx, nil)
	if err != nil {
		return -1, err
	}
	for _, j := range batch {
		if j.err = j.change(ctx, sqliteTx{tx, w.prepared}); endsTransaction(j.err) {
			_ = tx.Rollback() // it may be gone already
			return -1, j.err
		}
	}
	if err := tx.Commit(); err != nil {
		return -1, err
	}
	w.commits.Add(1)
	w.log.committed(len(batch))
	return -1, nil
}

// sqliteTx runs statements in a transaction.
type sqliteTx struct {
	*sql.Tx
	prepared map[string]*sql.Stmt
}

func (t sqliteTx) run(ctx context.Context, list ...*statement) error {
	for i, s := range list {
		var err error
		if p := t.prepared[s.text]; p != nil && s.each == nil {
			//nolint:sqlclosecheck // ends with the transaction
			err = s.executed(t.StmtContext(ctx, p).ExecContext(ctx, s.args...))
		} else {
			err = runSQL(ctx, t, s)
		}
		if err != nil {
			return &failure{i, err}
		}
	}
	return nil
}

// sqlHandle is a database or a transaction.
type sqlHandle interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

func runSQL(ctx context.Context, h sqlHandle, s *statement) error {
	if s.each == nil {
		return s.executed(h.ExecContext(ctx, s.text, s.args...))
	}
	rows, err := h.QueryContext(ctx, s.text, s.args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := s.each(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (s *statement) executed(result sql.Result, err error) error {
	if err == nil {
		s.changed, err = result.RowsAffected()
	}
	return err
}

// endsTransaction reports an error after which SQLite may have rolled back more than the statement
// that failed (https://www.sqlite.org/lang_transaction.html).
func endsTransaction(err error) bool {
	switch resultCode(err) {
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_BUSY,
		sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY:
		return true
	}
	return false
}
