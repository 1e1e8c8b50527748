package store

import (
	"context"
	"time"
)

const (
	// A server's settings are noted before it answers its first request, and never made smaller: a
	// token that was minted under other settings may still be valid.
	// A fact that is noted already is written again: the first commit may not be replicated.
	noteServer = `UPDATE refresh_store SET
max_lifetime = CASE WHEN max_lifetime < $1 THEN $1 ELSE max_lifetime END,
rotation = CASE WHEN rotation < $2 THEN $2 ELSE rotation END
WHERE id = 1`

	selectLifetimes = `SELECT max_lifetime, rotation,
(SELECT kept_until FROM refresh_sessions WHERE id = $1) FROM refresh_store WHERE id = 1`

	// The limit follows the clock at once while they differ by at most $2, and else only by $3.
	moveCleanUp = `UPDATE refresh_store SET cleaned_until = CASE
WHEN $1 <= cleaned_until THEN cleaned_until
WHEN cleaned_until = 0 OR $1 <= cleaned_until + $2 THEN $1
ELSE cleaned_until + $3 END
WHERE id = 1 RETURNING cleaned_until`
)

// NoteServer notes the settings of a server that is about to start. See session.KeptUntil.
func (s *Store) NoteServer(ctx context.Context, maxLifetime time.Duration, rotation bool) error {
	_, err := s.exec(ctx, noteServer, maxLifetime.Milliseconds(), flag(rotation))
	return err
}

const (
	// cleanUpLag is how far the clean-up may follow a clock at once: clocks differ by less than the
	// day that rows are kept for them.
	cleanUpLag = 24 * time.Hour
	// cleanUpStep is how far the clean-up moves in a turn if a clock is further ahead. So a wrong
	// clock removes no row that is needed for many hours. Servers that were stopped for a month
	// remove the expired rows within three days.
	cleanUpStep = 10 * time.Minute
)

// CleanUpTime returns the time at which rows may be removed, if this process's clock shows now
// (Unix milliseconds). It is not later than now, nor than the clock of the database server. It
// moves slowly if now is far ahead of the last time at which rows were removed.
func (s *Store) CleanUpTime(ctx context.Context, now int64) (int64, error) {
	var limit int64
	err := s.write(ctx, func(ctx context.Context, h handle) error {
		if read := s.engine.now(&limit); read != nil {
			if err := h.run(ctx, read); err != nil {
				return err
			}
			now = min(now, limit)
		}
		return h.run(ctx, one([]any{&limit}, moveCleanUp, now, cleanUpLag.Milliseconds(), cleanUpStep.Milliseconds()))
	})
	return min(now, limit), err
}
