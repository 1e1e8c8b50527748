package session_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/session"
)

// otherClock is a store whose clock is not that of this machine.
type otherClock struct{ session.Store }

func (otherClock) StoreTime(context.Context) (unixMilli int64, ok bool, err error) {
	return time.Now().Add(10 * time.Minute).UnixMilli(), true, nil
}

// TestClocksDiffer: a server whose clock differs from the store's decides about no token.
func TestClocksDiffer(t *testing.T) {
	inEachMode(t, func(t *testing.T, good *recorded) {
		g := good.refresh(t, good.sign(t, "one", day, `,"type":1`), nil, session.Client{})
		s := newRecorded(t, func(c *session.Config) {
			c.Keys, c.Store, c.ClockSkew = good.keys, otherClock{good.store}, time.Second
			if g.RefreshToken != "" {
				withRotation(c)
			}
		})
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { s.Run(ctx) })
		defer running.Wait()
		defer stop()
		for s.Waiting() != revocation.ErrClock.Error() {
			time.Sleep(time.Millisecond)
		}
		refresh, access := s.sign(t, "two", day, `,"type":1`), g.AccessToken
		for name, call := range map[string]func() error{
			"refresh": func() error {
				_, err := s.Refresh(ctx, refresh, time.Hour, session.Client{})
				return err
			},
			"logout":       func() error { return s.Logout(ctx, refresh) },
			"OAuth logout": func() error { return s.RevokeAny(ctx, refresh, session.OAuth{}) },
			"authentication": func() error {
				_, err := s.Authenticate(ctx, access)
				return err
			},
			"introspection": func() error {
				_, _, err := s.Introspect(ctx, access, false)
				return err
			},
			"introspection of a refresh token": func() error {
				_, _, err := s.Introspect(ctx, refresh, true)
				return err
			},
		} {
			if err := call(); !errors.Is(err, revocation.ErrClock) {
				t.Errorf("%s: got %v", name, err)
			}
		}
	})
}
