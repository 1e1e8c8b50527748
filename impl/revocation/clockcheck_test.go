package revocation_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"kalsel.dev/refresh/impl/revocation"
)

// storeClock is a store whose clock is ahead of the bubble's, and which takes its time to answer.
type storeClock struct {
	ahead, delay time.Duration
	none         bool
	err          error
}

func (c storeClock) StoreTime(context.Context) (int64, bool, error) {
	time.Sleep(c.delay)
	return time.Now().Add(c.ahead).UnixMilli(), !c.none, c.err
}

// movedClock is a storeClock that is replaced while it is read.
type movedClock struct{ atomic.Pointer[storeClock] }

func (c *movedClock) StoreTime(ctx context.Context) (int64, bool, error) {
	return c.Load().StoreTime(ctx)
}

func TestClockCheck(t *testing.T) {
	const skew = 10 * time.Second
	for _, c := range []struct {
		name  string
		store storeClock
		want  error
	}{
		{"the same", storeClock{}, nil},
		{"ahead by the tolerance", storeClock{ahead: -skew}, nil},
		{"behind by the tolerance", storeClock{ahead: skew}, nil},
		{"ahead by more", storeClock{ahead: -skew - time.Second}, revocation.ErrClock},
		{"behind by more", storeClock{ahead: skew + time.Second}, revocation.ErrClock},
		{"a slow answer is no difference", storeClock{ahead: skew, delay: time.Second}, nil},
		{"a slow answer of a store that is ahead",
			storeClock{ahead: skew + 2*time.Second, delay: time.Second}, revocation.ErrClock},
		{"no clock of its own", storeClock{ahead: time.Hour, none: true}, nil},
		{"no answer", storeClock{ahead: time.Hour, err: errors.New("away")}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMachine(nil)
				check := revocation.NewClockCheck(&c.store, revocation.SystemClock(), skew,
					m.logger())
				time.Sleep(time.Hour) // the monotonic clock does not start at 0
				check.Compare(t.Context())
				if err := check.Err(); !errors.Is(err, c.want) {
					t.Errorf("got %v, want %v", err, c.want)
				}
				if logged := m.log.has("differs"); logged != (c.want != nil) {
					t.Errorf("logged: %v", logged)
				}
			})
		})
	}
}

// TestClockCheckFollows: a clock that is set right is noticed within two seconds, and one that goes
// wrong too.
func TestClockCheckFollows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		store, m := &movedClock{}, newMachine(nil)
		store.Store(&storeClock{})
		check := revocation.NewClockCheck(store, revocation.SystemClock(), time.Second, m.logger())
		go check.Run(ctx)
		for _, step := range []struct {
			ahead time.Duration
			want  error
		}{{0, nil}, {time.Hour, revocation.ErrClock}, {-time.Hour, revocation.ErrClock}, {0, nil}} {
			synctest.Wait()
			store.Store(&storeClock{ahead: step.ahead})
			time.Sleep(2 * time.Second)
			synctest.Wait()
			if err := check.Err(); !errors.Is(err, step.want) {
				t.Errorf("ahead by %v: got %v, want %v", step.ahead, err, step.want)
			}
		}
		store.Store(&storeClock{ahead: time.Hour, err: errors.New("away")})
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if err := check.Err(); err != nil {
			t.Errorf("without an answer: %v", err)
		}
		cancel()
		synctest.Wait()
	})
}
