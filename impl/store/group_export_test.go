package store

import (
	"context"
	"database/sql"
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

// Occupy keeps the writer busy until release is called.
func (s *Store) Occupy(t *testing.T) (release func()) {
	t.Helper()
	begun, end, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		_ = s.group.do(context.Background(), func(context.Context, *sql.Tx) error {
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

// AwaitQueue returns when so many changes wait.
func (s *Store) AwaitQueue(t *testing.T, n int) {
	t.Helper()
	for end := time.Now().Add(time.Minute); len(s.group.jobs) < n; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d changes wait, not %d", len(s.group.jobs), n)
		}
	}
}

// Fail makes a change that is wrong.
func (s *Store) Fail(ctx context.Context) error {
	_, err := s.exec(ctx, "INSERT INTO refresh_feed (id, head) VALUES (1, 1)")
	return err
}

// FailHalfway makes a revocation, and then fails in the same change.
func (s *Store) FailHalfway(ctx context.Context, r revocation.Revocation) error {
	return s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := tx.QueryRowContext(ctx, raiseHead).Scan(&r.Sequence); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, insertSession, rowID(r.Kind, r.Key()), r.Sequence, r.Identity, r.Reason,
			r.Actor, r.RevokedAt, r.KeptUntil)
		if err != nil {
			return err
		}
		return errors.New("on purpose")
	})
}

// FillSessions adopts count sessions in few commits.
func (s *Store) FillSessions(ctx context.Context, count int, row func(n int) session.Row) error {
	tx, err := s.writes.BeginTx(ctx, nil)
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
