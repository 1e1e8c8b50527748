package session_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/impl/store"
	"kalsel.dev/refresh/impl/token"
)

const (
	revokedAt = 1_000_000 // Unix seconds
	day       = 24 * time.Hour
)

func dated(iat int64) func(*token.Token) {
	return func(t *token.Token) { t.IssuedAt, t.HasIssuedAt = iat, true }
}

// TestCutoff: the tokens that are rejected after all sessions of an identity were revoked at
// revokedAt.
func TestCutoff(t *testing.T) {
	own := func(t *token.Token) { t.Own, t.Session, t.Generation = true, ownSession, 1 }
	for _, c := range []struct {
		name    string
		subject session.Subject
		want    error
	}{
		{"issued before", session.SubjectOf(login(dated(revokedAt - 1))), session.ErrRevoked},
		{"issued in the same second", session.SubjectOf(login(dated(revokedAt))),
			session.ErrRevoked},
		{"issued after", session.SubjectOf(login(dated(revokedAt + 1))), nil},
		{"without iat", session.SubjectOf(login(nil)), session.ErrUndated},
		{"without jti, issued after", session.SubjectOf(login(func(t *token.Token) {
			t.ID = ""
			dated(revokedAt + 1)(t)
		})), nil},
		{"refreshed after, session unknown", session.SubjectOf(login(func(t *token.Token) {
			own(t)
			dated(revokedAt + 1)(t)
		})), session.ErrRevoked},
		{"session started before", session.StartedAt(login(nil), revokedAt-1), session.ErrRevoked},
		{"session started after", session.StartedAt(login(nil), revokedAt+1), nil},
		{"access token from before", session.SubjectOfAccess(login(dated(revokedAt))),
			session.ErrRevoked},
		{"access token from after", session.SubjectOfAccess(login(dated(revokedAt + 1))), nil},
		{"access token without iat", session.SubjectOfAccess(login(nil)), session.ErrUndated},
		{"refreshed after, session started before", session.SubjectOf(login(func(t *token.Token) {
			own(t)
			dated(revokedAt + 9)(t)
			t.AuthTime, t.HasAuthTime = revokedAt, true
		})), session.ErrRevoked},
		{"refreshed after, session started after", session.SubjectOf(login(func(t *token.Token) {
			own(t)
			dated(revokedAt + 9)(t)
			t.AuthTime, t.HasAuthTime = revokedAt+1, true
		})), nil},
		{"access token from after, session started before",
			session.SubjectOfAccess(login(func(t *token.Token) {
				dated(revokedAt + 9)(t)
				t.Session, t.AuthTime, t.HasAuthTime = ownSession, revokedAt, true
			})), session.ErrRevoked},
		{"access token from before, clock of the login ahead",
			session.SubjectOfAccess(login(func(t *token.Token) {
				dated(revokedAt - 1)(t)
				t.Session, t.AuthTime, t.HasAuthTime = ownSession, revokedAt+9, true
			})), session.ErrRevoked},
		{"access token of the login with auth_time",
			session.SubjectOfAccess(login(func(t *token.Token) {
				dated(revokedAt + 1)(t)
				t.AuthTime, t.HasAuthTime = revokedAt-9, true
			})), nil},
		{"somebody else", session.SubjectOf(login(func(t *token.Token) { t.Identity = "other" })),
			nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			both(t, func(t *testing.T, s *store.Store, n *revocation.Node) {
				cut := revocation.Revocation{
					Kind:      revocation.OfIdentity,
					Identity:  login(nil).Identity,
					RevokedAt: revokedAt*1000 + 999,
					KeptUntil: revocation.Forever,
				}
				if _, err := s.Revoke(t.Context(), cut); err != nil {
					t.Fatal(err)
				}
				time.Sleep(1500 * time.Millisecond)
				wants(t, n, c.subject, c.want)
			})
		})
	}
}

// both runs the test with a node that answers from memory, and with one that answers from the
// store.
func both(t *testing.T, test func(t *testing.T, s *store.Store, n *revocation.Node)) {
	t.Run("memory", func(t *testing.T) {
		inBubble(t, func(t *testing.T, s *store.Store) {
			n := newNode(s)
			run(t, n)
			synctest.Wait()
			test(t, s, n)
		})
	})
	t.Run("store", func(t *testing.T) {
		inBubble(t, func(t *testing.T, s *store.Store) { test(t, s, newNode(s)) })
	})
}

// TestRevokeToken: which other tokens go with a token's session.
func TestRevokeToken(t *testing.T) {
	own := func(generation int64) func(*token.Token) {
		return func(t *token.Token) {
			t.Own, t.Session, t.Generation = true, ownSession, generation
		}
	}
	for _, c := range []struct {
		name       string
		end, later func(*token.Token)
		want       error
	}{
		{"itself", nil, nil, session.ErrRevoked},
		{"signed anew", nil, func(t *token.Token) { t.SigningInput = "x.y" }, session.ErrRevoked},
		{"with a foreign sid and gen", nil,
			func(t *token.Token) { t.Session, t.Generation = ownSession, 3 }, session.ErrRevoked},
		{"another jti", nil, func(t *token.Token) { t.ID = "other" }, nil},
		{"a later generation", own(1), own(5), session.ErrRevoked},
		{"an earlier generation", own(5), own(1), session.ErrRevoked},
		{"a younger token after an expired one", func(t *token.Token) { t.Expires = 1 },
			func(t *token.Token) { t.Expires = 1 << 40 }, session.ErrRevoked},
	} {
		t.Run(c.name, func(t *testing.T) {
			both(t, func(t *testing.T, s *store.Store, n *revocation.Node) {
				if _, err := newRevoker(s,
					n).RevokeToken(t.Context(), login(c.end), session.Origin{}); err != nil {
					t.Fatal(err)
				}
				wants(t, n, session.SubjectOf(login(c.later)), c.want)
			})
		})
	}
	t.Run("an access token of the session", func(t *testing.T) {
		both(t, func(t *testing.T, s *store.Store, n *revocation.Node) {
			if _, err := newRevoker(s,
				n).RevokeToken(t.Context(), login(own(2)), session.Origin{}); err != nil {
				t.Fatal(err)
			}
			access := func(change func(*token.Token)) session.Subject {
				return session.SubjectOfAccess(login(func(t *token.Token) {
					t.Session = ownSession
					change(t)
				}))
			}
			wants(t, n, access(func(*token.Token) {}), session.ErrRevoked)
			wants(t, n, access(func(t *token.Token) {
				t.IssuerKey = "thumbprint"
			}), session.ErrRevoked)
			wants(t, n, access(func(t *token.Token) { t.Session = "1" + ownSession[1:] }), nil)
		})
	})
}

// TestKeptUntil: a revocation outlives every token of its session by 8 days.
func TestKeptUntil(t *testing.T) {
	const year = 365 * day
	for _, c := range []struct {
		name        string
		jti         string
		life        time.Duration
		least, most time.Duration
	}{
		{"one token alone", "", 30 * day, 38 * day, 38 * day},
		{"younger ones may be", "1", 30 * day, year + 8*day + time.Minute,
			year + 9*day + time.Minute},
		{"even if it is expired", "1", -day, year + 8*day + time.Minute,
			year + 9*day + time.Minute},
		{"it lives longer itself", "1", 2 * year, 2*year + 8*day, 2*year + 8*day},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *store.Store) {
				r, now := newRevoker(s, nil), time.Now()
				tok := login(func(t *token.Token) {
					t.ID, t.Expires = c.jti, now.Add(c.life).Unix()
				})
				got, err := r.RevokeToken(t.Context(), tok, session.Origin{})
				if err != nil {
					t.Fatal(err)
				}
				if kept := time.UnixMilli(got.KeptUntil).Sub(now); kept < c.least || kept > c.most {
					t.Errorf("kept for %v, want %v to %v", kept, c.least, c.most)
				}
				time.Sleep(time.Second)
				if again, err := r.RevokeToken(t.Context(), tok, session.Origin{}); err != nil ||
					again != got {
					t.Errorf("again: got %+v, %v, want %+v", again, err, got)
				}
			})
		})
	}
	t.Run("cut-off", func(t *testing.T) {
		inBubble(t, func(t *testing.T, s *store.Store) {
			if got, err := newRevoker(s,
				nil).RevokeIdentity(t.Context(), "a", session.Origin{}); err != nil ||
				got.KeptUntil != revocation.Forever {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	})
}

// TestLookupDoesNotAllocate: a refresh looks revocations up without I/O and without garbage.
func TestLookupDoesNotAllocate(t *testing.T) {
	s := openStore(t, "sqlite::memory:")
	n := newNode(s)
	run(t, n)
	for !n.Status().HasLease {
		time.Sleep(time.Millisecond)
	}
	if _, err := newRevoker(s,
		n).RevokeIdentity(t.Context(), "other", session.Origin{}); err != nil {
		t.Fatal(err)
	}
	tok, ctx := login(nil), context.Background()
	if a := testing.AllocsPerRun(1000, func() {
		if err := session.Reject(ctx, n, session.SubjectOf(tok)); err != nil &&
			!errors.Is(err, revocation.ErrUnavailable) {
			t.Error(err)
		}
	}); a != 0 {
		t.Errorf("%v allocations", a)
	}
}
