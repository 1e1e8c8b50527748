package store

import (
	"context"
	"database/sql"
)

const (
	// checkpointEvery is after how many changes the log is copied into the database, while the
	// writer goes on.
	checkpointEvery = 2000
	// checkpointPages is the length of the log, in pages of 4 KiB, at which the writer itself
	// copies the rest. Only then can the log begin again.
	checkpointPages = "16384"
)

// checkpointer copies SQLite's write-ahead log into the database while the writer goes on. If
// the writer did it alone, it would stop many times a second under load (docs/benchmarks.md).
type checkpointer struct {
	db      *sql.DB
	due     chan struct{}
	changes int // since the last one; only the writer looks at it
}

func newCheckpointer(db *sql.DB) *checkpointer {
	return &checkpointer{db: db, due: make(chan struct{}, 1)}
}

// committed counts changes that the writer has committed. It never waits.
func (c *checkpointer) committed(changes int) {
	if c.changes += changes; c.changes < checkpointEvery {
		return
	}
	select {
	case c.due <- struct{}{}:
		c.changes = 0
	default: // one is under way and another one due
	}
}

// run copies the log whenever a copy is due, until ctx is done.
func (c *checkpointer) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.due:
			// If it fails, the log grows until the writer copies it, which would fail in the same way.
			// Nothing that was committed is lost.
			_, _ = c.db.ExecContext(ctx, "PRAGMA wal_checkpoint(PASSIVE)")
		}
	}
}
