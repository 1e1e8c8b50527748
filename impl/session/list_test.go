package session_test

import (
	"errors"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/impl/token"
)

// TestSessionsOf: the sessions of an identity are listed and revoked by their owner, and by a caller
// who may revoke any. Other identities' sessions are not found.
func TestSessionsOf(t *testing.T) {
	keys, err := jwk.SecretSet([]byte(testSecret), false)
	if err != nil {
		t.Fatal(err)
	}
	s := newRotating(t, keys)
	minter := token.NewMinter(keys, token.Rules{})
	for _, jti := range []string{"one", "two"} {
		claims := []byte(`{"identity":"me","jti":"` + jti + `","exp":4102444800,"type":1}`)
		login, err := minter.Issue(claims, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		s.redeem(t, login, nil)
	}
	listed := func(identity string, want int) []session.Row {
		t.Helper()
		rows, err := s.SessionsOf(t.Context(), identity, 10)
		if err != nil || len(rows) != want {
			t.Fatalf("%d sessions of %s, %v; want %d", len(rows), identity, err, want)
		}
		return rows
	}
	rows := listed("me", 2)
	listed("another", 0)
	for _, c := range []struct {
		id       revocation.SessionID
		identity string
		want     error
	}{
		{rows[0].ID, "another", session.ErrNoSession},
		{revocation.SessionID{1}, "me", session.ErrNoSession},
		{revocation.SessionID{1}, "", session.ErrNoSession},
		{rows[0].ID, "me", nil},
		{rows[1].ID, "", nil},
	} {
		if err := s.RevokeOwn(t.Context(), c.id, c.identity,
			session.Origin{}); !errors.Is(err, c.want) {
			t.Errorf("revoke as %q: %v, want %v", c.identity, err, c.want)
		}
	}
	listed("me", 0)
}

// TestSessionsWithoutRotation: a stateless service has no list.
func TestSessionsWithoutRotation(t *testing.T) {
	s := lateService(t, &lateKeys{})
	if _, err := s.SessionsOf(t.Context(), "me", 10); !errors.Is(err, session.ErrNoRotation) {
		t.Errorf("list: %v", err)
	}
	err := s.RevokeOwn(t.Context(), revocation.SessionID{1}, "me", session.Origin{})
	if !errors.Is(err, session.ErrNoRotation) {
		t.Errorf("revoke: %v", err)
	}
}
