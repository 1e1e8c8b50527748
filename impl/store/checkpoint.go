package store

import (
	"context"
	"database/sql"
)

const (
	// checkpointEvery is after how many changes the log is copied into the database beside the writer.
	checkpointEvery = 2000
	// checkpointPages is the length of the log, in pages of 4 KiB, at which the writer itself copies what is left, for only then can the
	// log begin anew.
	checkpointPages = "16384"
)

// checkpointer copies SQLite's write-ahead log into the database while the writer goes on. A writer that did it all alone would stop for
// it many times a second where many sessions are in use (docs/benchmarks.md).
type checkpointer struct {
	db      *sql.DB
	due     chan struct{}
	changes int // since the last one; only the writer looks at it
}

func newCheckpointer(db *sql.DB) *checkpointer {
	return &checkpointer{db: db, due: make(chan struct{}, 1)}
}

// committed is told by the writer how many changes it has committed. It never waits.
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

// run copies whenever that is due, until ctx ends.
func (c *checkpointer) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.due:
			// When it fails, the log grows until the writer copies it, who would fail in the same way. Nothing that was committed is lost.
			_, _ = c.db.ExecContext(ctx, "PRAGMA wal_checkpoint(PASSIVE)")
		}
	}
}
