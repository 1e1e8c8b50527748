package revocation

import (
	"context"
	"log/slog"
	"time"
)

// cleanUpBatch is how many rows one statement removes: so few that no other statement has to wait long.
const cleanUpBatch = 500

// CleanUp calls remove once a minute, with the wall clock in Unix milliseconds, until ctx is done. Each
// time it repeats the call until remove finds fewer rows than the limit.
func CleanUp(
	ctx context.Context, clock Clock, log *slog.Logger,
	remove func(ctx context.Context, now int64, limit int) (removed int, err error),
) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-clock.After(time.Minute):
		}
		now := clock.Now().UnixMilli()
		for removed := cleanUpBatch; removed == cleanUpBatch && ctx.Err() == nil; {
			var err error
			if removed, err = remove(ctx, now, cleanUpBatch); err != nil {
				log.Debug("Expired rows could not be removed", "error", err)
				break
			}
		}
	}
}
