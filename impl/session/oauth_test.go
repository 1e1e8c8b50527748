package session_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/impl/token"
)

// TestOAuthRefresh: a client ID must agree with the token's, and a scope can only be narrowed.
func TestOAuthRefresh(t *testing.T) {
	const mine = `,"type":1,"client_id":"app","azp":"other","scope":"read write"`
	for _, c := range []struct {
		claims  string
		from    session.OAuth
		cause   string // of the refusal, in the audit stream
		invalid bool   // session.ErrScope
		scope   string
	}{
		{mine, session.OAuth{}, "", false, "read write"},
		{mine, session.OAuth{ClientID: "app"}, "", false, "read write"},
		{mine, session.OAuth{ClientID: "other"}, "other_client", false, ""},
		{`,"type":1,"azp":"other"`, session.OAuth{ClientID: "other"}, "", false, ""},
		{`,"type":1,"azp":"other"`, session.OAuth{ClientID: "app"}, "other_client", false, ""},
		{`,"type":1`, session.OAuth{ClientID: "app", Scope: "all"}, "", false, ""},
		{mine, session.OAuth{Scope: "write"}, "", false, "write"},
		{mine, session.OAuth{Scope: "write read"}, "", false, "write read"},
		{mine, session.OAuth{Scope: "read write read"}, "", false, "read write"},
		{mine, session.OAuth{Scope: strings.Repeat("read ", 3000) + "read"}, "", false, "read"},
		{mine, session.OAuth{Scope: "read admin"}, "", true, ""},
		{mine, session.OAuth{Scope: "read  write"}, "", true, ""},
		{mine, session.OAuth{Scope: " read"}, "", true, ""},
		{mine, session.OAuth{Scope: "read "}, "", true, ""},
		{mine, session.OAuth{Scope: "READ"}, "", true, ""},
	} {
		s := newRecorded(t, stateless)
		g, err := s.Refresh(t.Context(), s.sign(t, "one", day, c.claims), time.Hour,
			session.Client{OAuth: &c.from})
		switch {
		case c.invalid:
			if !errors.Is(err, session.ErrScope) || len(s.events) != 0 {
				t.Errorf("%+v: got %v and %d events", c, err, len(s.events))
			}
		case c.cause != "":
			if _, ok := errors.AsType[token.Fault](err); !ok || s.last(t).Cause != c.cause {
				t.Errorf("%+v: got %v", c, err)
			}
		case err != nil:
			t.Errorf("%+v: got %v", c, err)
		default:
			access, err := s.Authenticate(t.Context(), g.AccessToken)
			if err != nil {
				t.Fatal(err)
			}
			if scope, _ := access.Text("scope"); scope != c.scope || g.Scope != c.scope {
				t.Errorf("%+v: scope %q of the token, %q of the answer", c, scope, g.Scope)
			}
		}
	}
}

// TestRevokeAny: which tokens revoke a session, and which are left alone.
func TestRevokeAny(t *testing.T) {
	withSession := func(c *session.Config) { c.AccessSession = true }
	ended := map[string]bool{"refresh": true, "access": true}
	for name, c := range map[string]struct {
		mode    func(*session.Config)
		revokes map[string]bool // the others leave the session alone
	}{
		"stateless":                   {stateless, map[string]bool{"refresh": true}},
		"stateless, sessions in both": {withSession, ended},
		"rotation":                    {withRotation, ended},
	} {
		for kind, want := range map[string]error{
			"refresh":               nil,
			"access":                session.ErrNoSessionNamed, // unless it revokes
			"access, expired":       nil,
			"access of the login":   session.ErrNoSessionNamed,
			"access with a sid":     session.ErrNoSessionNamed,
			"access, another store": session.ErrNoSessionNamed,
			"no token":              nil,
		} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				s := newRecorded(t, c.mode)
				raw := s.sign(t, "one", day, `,"type":1`)
				g := s.refresh(t, raw, nil, session.Client{})
				newest := raw
				if g.RefreshToken != "" {
					newest = g.RefreshToken
				}
				var sent string
				switch kind {
				case "refresh":
					sent = newest
				case "access":
					sent = g.AccessToken
				case "access, expired":
					sent = g.AccessToken
					s.at = s.at.Add(2 * time.Hour)
				case "access of the login":
					sent = s.sign(t, "two", time.Hour, `,"type":0`)
				case "access with a sid":
					sent = s.sign(t, "two", time.Hour, `,"type":0,"sid":"`+strings.Repeat("ab", 32)+`"`)
				case "access, another store":
					sent = newRecorded(t, withRotation).accessOf(t)
					if name == "stateless, sessions in both" {
						want = nil // no store is asked
					}
				case "no token":
					sent = "no token"
				}
				revokes := c.revokes[kind]
				if revokes {
					want = nil
				}
				if err := s.RevokeAny(t.Context(), sent, session.OAuth{}); !errors.Is(err, want) ||
					(err == nil) != (want == nil) {
					t.Errorf("got %v, want %v", err, want)
				}
				var after error
				if revokes {
					after = session.ErrRevoked
				}
				s.refresh(t, newest, after, session.Client{})
			})
		}
	}
}

// accessOf returns an access token of a session that only this service knows.
func (s *recorded) accessOf(t *testing.T) string {
	t.Helper()
	raw := s.sign(t, "only here", day, `,"type":1`)
	return s.refresh(t, raw, nil, session.Client{}).AccessToken
}

// TestRevokeOfAnotherClient: a client that names itself cannot revoke the session of another one.
func TestRevokeOfAnotherClient(t *testing.T) {
	s := newRecorded(t, withRotation)
	raw := s.sign(t, "one", day, `,"type":1,"client_id":"app"`)
	g := s.refresh(t, raw, nil, session.Client{})
	for _, sent := range []string{g.RefreshToken, g.AccessToken} {
		err := s.RevokeAny(t.Context(), sent, session.OAuth{ClientID: "other"})
		if _, ok := errors.AsType[token.Fault](err); !ok {
			t.Errorf("got %v", err)
		}
	}
	s.refresh(t, g.RefreshToken, nil, session.Client{})
}

// TestRevokeOfAnotherIdentity: an access token cannot revoke the session of another identity, even if
// its login has put the ID of that session into it.
func TestRevokeOfAnotherIdentity(t *testing.T) {
	s := newRecorded(t, withRotation)
	g := s.refresh(t, s.sign(t, "one", day, `,"type":1`), nil, session.Client{})
	mine, err := s.Authenticate(t.Context(), g.AccessToken)
	if err != nil {
		t.Fatal(err)
	}
	claims := fmt.Sprintf(`{"identity":"other","type":0,"exp":%d,"auth_time":1,"sid":%q}`,
		s.at.Add(day).Unix(), mine.Session)
	other, err := token.NewMinter(s.keys, token.Rules{}).Issue([]byte(claims), s.at)
	if err != nil {
		t.Fatal(err)
	}
	err = s.RevokeAny(t.Context(), other, session.OAuth{})
	if !errors.Is(err, session.ErrNoSessionNamed) {
		t.Errorf("got %v", err)
	}
	s.refresh(t, g.RefreshToken, nil, session.Client{})
}
