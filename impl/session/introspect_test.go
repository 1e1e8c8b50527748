package session_test

import (
	"strconv"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/session"
)

// TestIntrospect: only a token that would be accepted now is valid, and a refresh token only if the
// caller asks about one.
func TestIntrospect(t *testing.T) {
	inEachMode(t, func(t *testing.T, s *recorded) {
		raw := s.sign(t, "one", day, `,"type":1`)
		g := s.refresh(t, raw, nil, session.Client{})
		valid := func(sent string, asks, want bool) {
			t.Helper()
			got, isRefresh, err := s.Introspect(t.Context(), sent, asks)
			if err != nil || (got != nil) != want || want && got.Identity != "me" {
				t.Errorf("got %v, %v; want valid %v", got, err, want)
			}
			if want && isRefresh == (sent == g.AccessToken) {
				t.Errorf("the kind of the token is wrong")
			}
		}
		valid(raw, true, true)
		valid(raw, false, false)
		valid(g.AccessToken, false, true)
		valid(g.AccessToken, true, true)
		early := `,"nbf":` + strconv.FormatInt(s.at.Add(5*time.Minute).Unix(), 10)
		valid(s.sign(t, "early", day, `,"type":1`+early), true, false)
		valid(s.sign(t, "early", day, `,"type":0`+early), false, false)
		valid("no token", true, false)
		valid("no token", false, false)
		newest := raw
		if g.RefreshToken != "" {
			newest = s.refresh(t, g.RefreshToken, nil, session.Client{}).RefreshToken
			s.at = s.at.Add(time.Minute)
			newest = s.refresh(t, newest, nil, session.Client{}).RefreshToken
			valid(raw, true, false) // reused
			valid(newest, true, true)
		}
		if err := s.Logout(t.Context(), newest); err != nil {
			t.Fatal(err)
		}
		valid(newest, true, false)
		valid(s.sign(t, "two", day, `,"type":1`), true, true)
		s.at = s.at.Add(2 * day)
		valid(newest, true, false)
	})
}

// TestAheadUnderAFormerKey: a store that was restored has lost a session, and the key of its
// refresh token is an issuer's now. Refresh and introspection believe the token if the key has
// signed here.
func TestAheadUnderAFormerKey(t *testing.T) {
	old, _ := asymmetric(t, "old")
	public, err := old.MarshalPublic(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	former, _, err := jwk.ParseIssuerKeys(public, "")
	if err != nil {
		t.Fatal(err)
	}
	added, _ := asymmetric(t, "new")
	keys, err := added.WithIssuer(former...)
	if err != nil {
		t.Fatal(err)
	}
	with := func(keys *jwk.Set) *recorded {
		s := newRecorded(t, func(c *session.Config) {
			withRotation(c)
			c.Keys, c.Rules.Issuer = keys, "login"
		})
		s.keys = keys
		return s
	}
	before := with(old)
	login := before.sign(t, "one", day, `,"type":1,"iss":"login"`)
	newest := before.refresh(t, login, nil, session.Client{}).RefreshToken

	after := with(keys)
	valid := func(want bool) {
		t.Helper()
		got, _, err := after.Introspect(t.Context(), newest, true)
		if err != nil || (got != nil) != want {
			t.Errorf("got %v, %v; want valid %v", got, err, want)
		}
	}
	valid(false)
	after.refresh(t, newest, session.ErrAhead, session.Client{})
	err = after.store.NoteSigningKey(t.Context(), old.All()[0].Thumbprint())
	if err != nil {
		t.Fatal(err)
	}
	valid(true)
	after.refresh(t, newest, nil, session.Client{})
}
