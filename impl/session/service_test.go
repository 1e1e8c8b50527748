package session_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/session"
)

// TestRefreshSeesTheFirstRevocation: while no revocation exists, a service skips the lookup. It must
// look up from the first revocation on.
func TestRefreshSeesTheFirstRevocation(t *testing.T) {
	for name, end := range map[string]func(ctx context.Context, s *session.Service, raw string) error{
		"of the session": func(ctx context.Context, s *session.Service, raw string) error {
			return s.Logout(ctx, raw)
		},
		"of the identity": func(ctx context.Context, s *session.Service, _ string) error {
			_, err := s.RevokeIdentity(ctx, "me", session.Origin{})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			known, raw := asymmetric(t, "known")
			keys := &lateKeys{}
			keys.set.Store(known)
			s := lateService(t, keys)
			ctx, stop := context.WithCancel(t.Context())
			var running sync.WaitGroup
			running.Go(func() { s.Run(ctx) })
			defer running.Wait()
			defer stop()
			for !s.Status().HasLease {
				time.Sleep(time.Millisecond)
			}
			if _, err := s.Refresh(ctx, raw, time.Hour, session.Client{}); err != nil {
				t.Fatal(err)
			}
			if err := end(ctx, s, raw); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Refresh(ctx, raw, time.Hour,
				session.Client{}); !errors.Is(err, session.ErrRevoked) || !s.Status().HasLease {
				t.Errorf("got %v, lease %t", err, s.Status().HasLease)
			}
		})
	}
}
