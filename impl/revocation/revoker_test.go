package revocation_test

import (
	"errors"
	"testing"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/store"
)

// TestInvalidRevocation: a revocation that names neither a session nor an identity, or that no store
// can keep, is rejected before it is stored.
func TestInvalidRevocation(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(r *revocation.Revocation)
		valid  bool
	}{
		{"session", func(*revocation.Revocation) {}, true},
		{"session of an unknown identity", func(r *revocation.Revocation) { r.Identity = "" },
			true},
		{"identity", func(r *revocation.Revocation) {
			r.Kind, r.Session = revocation.OfIdentity, revocation.SessionID{}
		}, true},
		{"backslashes",
			func(r *revocation.Revocation) { r.Identity, r.Reason = `DOMAIN\user`, `\\` }, true},
		{"no kind", func(r *revocation.Revocation) { r.Kind = 0 }, false},
		{"unknown kind", func(r *revocation.Revocation) { r.Kind = 3 }, false},
		{"session ID of zeros",
			func(r *revocation.Revocation) { r.Session = revocation.SessionID{} }, false},
		{"identity with a session",
			func(r *revocation.Revocation) { r.Kind = revocation.OfIdentity }, false},
		{"empty identity", func(r *revocation.Revocation) {
			r.Kind, r.Session, r.Identity = revocation.OfIdentity, revocation.SessionID{}, ""
		}, false},
		{"NUL in the identity", func(r *revocation.Revocation) { r.Identity = "a\x00" }, false},
		{"identity is not UTF-8", func(r *revocation.Revocation) { r.Identity = "a\xff" }, false},
		{"NUL in the reason", func(r *revocation.Revocation) { r.Reason = "\x00" }, false},
		{"reason is not UTF-8", func(r *revocation.Revocation) { r.Reason = "\xff" }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *store.Store) {
				m, r := newMachine(s), ofSession(1)
				c.change(&r)
				got, err := m.revoker(nil).Revoke(t.Context(), r)
				if c.valid {
					if err != nil || got.Identity != r.Identity || got.Reason != r.Reason ||
						got.Kind != r.Kind {
						t.Errorf("got %+v, %v", got, err)
					}
					return
				}
				if !errors.Is(err, revocation.ErrInvalid) {
					t.Errorf("got %v, want ErrInvalid", err)
				}
				if calls := m.taken(); len(calls) != 0 {
					t.Errorf("the store was called: %v", calls)
				}
			})
		})
	}
}
