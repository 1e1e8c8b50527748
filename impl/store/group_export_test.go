package store

import (
	"context"
	"errors"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/session"
)

const (
	GroupQueue      = groupQueue
	CheckpointEvery = checkpointEvery
)

// Occupy keeps SQLite's writer busy until release is called.
func (s *Store) Occupy(t *testing.T) (release func()) {
	t.Helper()
	writer := s.engine.(*sqliteEngine).writer
	begun, end, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		_ = writer.do(context.Background(), writer.jobs, func(context.Context, sqliteTx) error {
			close(begun)
			<-end
			return nil
		})
	}()
	<-begun
	return func() {
		close(end)
		<-ended
	}
}

// AwaitQueue returns when so many changes wait for SQLite's writer.
func (s *Store) AwaitQueue(t *testing.T, n int) {
	t.Helper()
	writer := s.engine.(*sqliteEngine).writer
	waiting := func() int { return len(writer.jobs) + len(writer.first) }
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
		insert := exec(insertSession, rowID(r.Kind, r.Key()), int64(1), r.Identity, r.Reason, r.Actor, r.RevokedAt, r.KeptUntil)
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
		if _, err := insert.ExecContext(ctx, r.ID.String(), ownerOf(r.Identity), r.Identity, r.StartedAt, r.Generation, r.RotatedAt, r.KeyID,
			int64(0), r.LastUsedAt, r.UserAgent, r.ExpiresAt, r.EndsAt, r.KeptUntil); err != nil {
			return err
		}
	}
	return tx.Commit()
}
