package store

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/session"
)

const (
	GroupQueue      = groupQueue
	CheckpointEvery = checkpointEvery
)

// Occupy keeps the writers of sessions busy until release is called.
func (s *Store) Occupy(t *testing.T) (release func()) {
	t.Helper()
	end := make(chan struct{})
	var begun, ended sync.WaitGroup
	busy := func(do func() error) {
		begun.Add(1)
		ended.Go(func() { _ = do() })
	}
	wait := func() {
		begun.Done()
		<-end
	}
	switch e := s.engine.(type) {
	case *sqliteEngine:
		busy(func() error {
			return e.writer.do(context.Background(), e.writer.jobs, func(context.Context, sqliteTx) error {
				wait()
				return nil
			})
		})
	case *postgresEngine:
		for _, w := range e.writers {
			one := &statement{text: "SELECT 1", each: func(row) error {
				wait()
				return nil
			}}
			busy(func() error {
				return w.do(context.Background(), w.jobs, &sessionChange{"",
					one})
			})
		}
	}
	begun.Wait()
	return func() {
		close(end)
		ended.Wait()
	}
}

// OccupyReads keeps all connections for reads in use until release is called.
func (s *Store) OccupyReads(t *testing.T) (release func()) {
	t.Helper()
	pool := s.engine.(*postgresEngine).reads
	var all []*pgxpool.Conn
	for range pool.Config().MaxConns {
		conn, err := pool.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, conn)
	}
	return func() {
		for _, conn := range all {
			conn.Release()
		}
	}
}

// AwaitQueue returns when so many changes wait.
func (s *Store) AwaitQueue(t *testing.T, n int) {
	t.Helper()
	waiting := func() int {
		sum := len(s.revokes.jobs) + len(s.revokes.first)
		switch e := s.engine.(type) {
		case *sqliteEngine:
			sum += len(e.writer.jobs) + len(e.writer.first)
		case *postgresEngine:
			for _, w := range e.writers {
				sum += len(w.jobs)
			}
		}
		return sum
	}
	for end := time.Now().Add(time.Minute); waiting() < n; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d changes wait, not %d", waiting(), n)
		}
	}
}

// Fail makes a change that is wrong.
func (s *Store) Fail(ctx context.Context) error {
	_, err := s.change(ctx, "", "INSERT INTO refresh_feed (id, head) VALUES (1, 1)")
	return err
}

// FailHalfway makes a revocation, and then fails in the same change.
func (s *Store) FailHalfway(ctx context.Context, r revocation.Revocation) error {
	return s.write(ctx, func(ctx context.Context, h handle) error {
		var head int64
		insert := exec(insertSession, rowID(r.Kind, r.Key()), int64(1), r.Identity, r.Reason,
			r.Actor, r.RevokedAt, r.KeptUntil)
		if err := h.run(ctx, one([]any{&head}, lockHead), insert); err != nil {
			return err
		}
		return errors.New("on purpose")
	})
}

// FillSessions adopts count sessions in few commits.
func (s *Store) FillSessions(ctx context.Context, count int, row func(n int) session.Row) error {
	tx, err := s.database().BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	insert, err := tx.PrepareContext(ctx, insertRow)
	if err != nil {
		return err
	}
	defer insert.Close()
	for n := range count {
		r := row(n)
		if _, err := insert.ExecContext(ctx, r.ID.String(), ownerOf(
			r.Identity), r.Identity, r.StartedAt, r.Generation, r.RotatedAt, r.KeyID,
			int64(0), r.LastUsedAt, r.UserAgent, r.ExpiresAt, r.EndsAt, r.KeptUntil); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// Rounds returns how many revocations each round of a batch has.
func Rounds(batch ...revocation.Revocation) (sizes []int) {
	jobs := make([]*job[*revoking], len(batch))
	for i, r := range batch {
		jobs[i] = &job[*revoking]{change: &revoking{want: r}}
	}
	for _, round := range rounds(jobs) {
		sizes = append(sizes, len(round))
	}
	return sizes
}
