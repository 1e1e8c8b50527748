package store

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"sync/atomic"

	sqlite3 "modernc.org/sqlite/lib"
)

const (
	// groupQueue is how many changes may wait. If more wait, callers are told to try again.
	groupQueue = 1024
	// groupMost is how many changes one commit carries at most.
	groupMost = 256
)

var (
	errQueueFull = errors.New("too many changes are waiting to be committed")
	errClosed    = errors.New("the store is closed")
)

// group is SQLite's one writer. Changes that wait while a commit is on its way to the disk share
// the next one. Each caller is answered after its own change was committed. If a change fails,
// the others are committed all the same.
type group struct {
	db       *sql.DB
	log      *checkpointer
	prepared map[string]*sql.Stmt
	jobs     chan *job
	quit     context.CancelFunc
	quitting <-chan struct{}
	ended    chan struct{} // by the writer
	tasks    sync.WaitGroup
	commits  *atomic.Int64
}

// job is one change. Either the writer begins it or its caller gives it up.
type job struct {
	run   func(context.Context, *sql.Tx) error
	taken atomic.Bool
	err   error
	done  chan struct{}
}

func newGroup(
	ctx context.Context, db *sql.DB, log *checkpointer, commits *atomic.Int64, statements ...string,
) (*group, error) {
	g := &group{
		db:       db,
		log:      log,
		prepared: map[string]*sql.Stmt{},
		jobs:     make(chan *job, groupQueue),
		commits:  commits,
		ended:    make(chan struct{}),
	}
	for _, text := range statements {
		s, err := db.PrepareContext(ctx, text) //nolint:sqlclosecheck // lives as long as the database
		if err != nil {
			return nil, err
		}
		g.prepared[text] = s
	}
	running, quit := context.WithCancel(context.WithoutCancel(ctx))
	g.quit, g.quitting = quit, running.Done()
	g.tasks.Go(func() { log.run(running) })
	g.tasks.Go(g.run)
	return g, nil
}

// close stops the writer and the checkpointer, after the commit and the copy in progress.
func (g *group) close() {
	g.quit()
	g.tasks.Wait()
}

// do runs a change and returns after its commit. If ctx is done before the change has begun, the
// change is left out.
func (g *group) do(ctx context.Context, run func(context.Context, *sql.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	j := &job{run: run, done: make(chan struct{})}
	select {
	case <-g.ended:
		return errClosed
	case g.jobs <- j:
	default:
		return errQueueFull
	}
	select {
	case <-j.done:
		return j.err
	case <-ctx.Done():
		return g.giveUp(j, ctx.Err())
	case <-g.ended:
		return g.giveUp(j, errClosed)
	}
}

// giveUp leaves out a change that has not begun. If it has begun, giveUp waits for its end, because
// it uses variables of the caller.
func (g *group) giveUp(j *job, err error) error {
	if !j.taken.Swap(true) {
		return err
	}
	<-j.done
	return j.err
}

// exec runs one statement and returns how many rows it changed.
func (g *group) exec(ctx context.Context, text string, args []any) (n int64, err error) {
	err = g.do(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var result sql.Result
		var err error
		if s := g.prepared[text]; s != nil {
			result, err = tx.StmtContext(ctx, s).ExecContext(ctx, args...) //nolint:sqlclosecheck // ends with tx
		} else {
			result, err = tx.ExecContext(ctx, text, args...)
		}
		if err != nil {
			return err
		}
		n, err = result.RowsAffected()
		return err
	})
	return n, err
}

// several runs a change of more than one statement. Either all of them apply or none.
func (g *group) several(ctx context.Context, run func(context.Context, *sql.Tx) error) error {
	return g.do(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "SAVEPOINT change"); err != nil {
			return err
		}
		failure := run(ctx, tx)
		if failure != nil {
			if _, err := tx.ExecContext(ctx, "ROLLBACK TO change"); err != nil {
				return errors.Join(failure, err)
			}
		}
		_, err := tx.ExecContext(ctx, "RELEASE change")
		return errors.Join(failure, err)
	})
}

func (g *group) run() {
	defer close(g.ended)
	batch := make([]*job, 0, groupMost)
	for {
		select {
		case <-g.quitting:
			return
		case j := <-g.jobs:
			batch = g.gather(append(batch[:0], j))
		}
		g.commit(batch)
	}
}

// gather adds the waiting changes to the batch.
func (g *group) gather(batch []*job) []*job {
	for len(batch) < groupMost {
		select {
		case j := <-g.jobs:
			batch = append(batch, j)
		default:
			return batch
		}
	}
	return batch
}

// commit runs the changes in one transaction. Callers' contexts are not passed on: cancelling one
// would roll back the whole batch.
func (g *group) commit(batch []*job) {
	batch = begun(batch)
	if len(batch) == 0 {
		return
	}
	err := g.transact(context.Background(), batch)
	for _, j := range batch {
		if err != nil {
			j.err = err
		}
		close(j.done)
	}
	g.log.committed(len(batch))
}

// begun marks the changes of a batch as begun, without those that were given up.
func begun(batch []*job) []*job {
	kept := batch[:0]
	for _, j := range batch {
		if !j.taken.Swap(true) {
			kept = append(kept, j)
		}
	}
	return kept
}

// transact returns an error if none of the changes was committed, or perhaps all of them.
func (g *group) transact(ctx context.Context, batch []*job) error {
	tx, err := g.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	for _, j := range batch {
		if j.err = j.run(ctx, tx); endsTransaction(j.err) {
			_ = tx.Rollback() // it may be gone already
			return j.err
		}
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	g.commits.Add(1)
	return nil
}

// endsTransaction reports an error after which SQLite may have rolled back more than the statement
// that failed (https://www.sqlite.org/lang_transaction.html).
func endsTransaction(err error) bool {
	switch resultCode(err) {
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_INTERRUPT,
		sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY:
		return true
	}
	return false
}
