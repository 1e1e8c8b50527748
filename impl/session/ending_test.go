package session_test

import (
	"fmt"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/audit"
	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/impl/token"
)

func withLimits(c *session.Config) {
	c.Rotation = &session.Rotation{IdleLifetime: time.Hour, SessionLifetime: 3 * time.Hour}
}

// ended describes the session of a refresh token now, with the limits of withLimits.
func (s *recorded) ended(t *testing.T, raw string) session.Description {
	t.Helper()
	read := s.read(t, raw)
	d, err := session.Describe(t.Context(), s.store, session.IDOf(read), read,
		&session.Rotation{IdleLifetime: time.Hour, SessionLifetime: 3 * time.Hour}, s.at)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestCausesOfExpiry: the audit line of an expired token, and the description of its session, say
// which limit ended it.
func TestCausesOfExpiry(t *testing.T) {
	expired := func(t *testing.T, s *recorded, raw, want string, at time.Time) {
		t.Helper()
		description := s.ended(t, raw)
		s.refresh(t, raw, token.ErrExpired, session.Client{})
		if e := s.last(t); e.Name != audit.RefreshRefused || e.Cause != want || e.Identity != "me" {
			t.Errorf("event %+v", e)
		}
		if !at.IsZero() && (description.Cause != want || description.EndedAt/1000 != at.Unix()) {
			t.Errorf("description %+v, want it ended at %d", description, at.Unix())
		}
	}
	t.Run("idle", func(t *testing.T) {
		s := newRecorded(t, withLimits)
		next := s.refresh(t, s.sign(t, "one", day, `,"type":1`), nil, session.Client{}).RefreshToken
		if d := s.ended(t, next); d.Cause != "" || d.Identity != "me" || d.Row == nil {
			t.Errorf("description %+v", d)
		}
		ends := s.at.Add(time.Hour)
		s.at = ends
		expired(t, s, next, "idle_lifetime", ends)
	})
	t.Run("session", func(t *testing.T) {
		s := newRecorded(t, withLimits)
		ends := s.at.Add(2 * time.Hour) // the login was an hour ago
		next := s.sign(t, "one", day, `,"type":1`)
		for range 3 {
			next = s.refresh(t, next, nil, session.Client{}).RefreshToken
			s.at = s.at.Add(50 * time.Minute)
		}
		expired(t, s, next, "session_lifetime", ends)
	})
	t.Run("login", func(t *testing.T) {
		s := newRecorded(t, withLimits)
		raw := s.sign(t, "one", 10*time.Minute, `,"type":1`)
		ends := s.at.Add(10 * time.Minute)
		s.at = ends
		expired(t, s, raw, "expired", ends)
	})
	t.Run("login, its session goes on", func(t *testing.T) {
		s := newRecorded(t, withLimits)
		raw := s.sign(t, "one", 10*time.Minute, `,"type":1`)
		next := s.refresh(t, raw, nil, session.Client{}).RefreshToken
		s.at = s.at.Add(20 * time.Minute)
		expired(t, s, raw, "expired", time.Time{})
		if d := s.ended(t, next); d.Cause != "" {
			t.Errorf("description %+v", d)
		}
	})
	t.Run("without a row", func(t *testing.T) {
		s := newRecorded(t, withLimits)
		raw := s.sign(t, "one", day, `,"type":1`) // longer than a session
		next := s.refresh(t, raw, nil, session.Client{}).RefreshToken
		empty := newRecorded(t, withLimits)
		empty.at = s.at.Add(day)
		if d := empty.ended(t, raw); d.Cause != "session_lifetime" || d.Identity != "me" {
			t.Errorf("description %+v", d)
		}
		if d := empty.ended(t, next); d.Cause != "idle_lifetime" {
			t.Errorf("description %+v", d)
		}
	})
	t.Run("stateless", func(t *testing.T) {
		s := newRecorded(t, stateless)
		raw := s.sign(t, "one", time.Minute, `,"type":1`)
		s.at = s.at.Add(time.Minute)
		s.refresh(t, raw, token.ErrExpired, session.Client{})
		if e := s.last(t); e.Cause != "expired" || e.Identity != "me" || len(e.Session) != 64 {
			t.Errorf("event %+v", e)
		}
	})
}

// TestCausesOfRevocation: the audit line of a token whose session is revoked, and the description
// of the session, name the actor and the reason of the revocation.
func TestCausesOfRevocation(t *testing.T) {
	inEachMode(t, func(t *testing.T, s *recorded) {
		refused := func(raw, cause, actor, reason string, want error) {
			t.Helper()
			s.refresh(t, raw, want, session.Client{})
			e := s.last(t)
			if e.Cause != cause || e.Actor != actor || e.Reason != reason || e.Identity != "me" {
				t.Errorf("event %+v", e)
			}
		}
		described := func(raw, cause, actor string) {
			t.Helper()
			d := s.ended(t, raw)
			if d.Cause != cause || d.Revoked != (cause != "") || d.By.Actor != actor ||
				d.Revoked != (d.EndedAt != 0) {
				t.Errorf("description %+v", d)
			}
		}
		one, two := s.sign(t, "one", day, `,"type":1`), s.sign(t, "two", day, `,"type":1`)
		id := session.IDOf(s.read(t, one))
		if _, err := s.RevokeSession(t.Context(), id, "me",
			session.Origin{Actor: "cli:ann", Reason: "lost phone"}); err != nil {
			t.Fatal(err)
		}
		refused(one, "revoked", "cli:ann", "lost phone", session.ErrRevoked)
		described(one, "revoked", "cli:ann")
		described(two, "", "")
		d, err := session.Describe(t.Context(), s.store, id, nil, nil, s.at)
		if err != nil || d.Identity != "me" || d.Cause != "revoked" {
			t.Errorf("description by the ID alone: %+v, %v", d, err)
		}

		used := s.sign(t, "four", day, `,"type":1`)
		s.refresh(t, used, nil, session.Client{}) // with rotation the session has a row
		if _, err := s.RevokeIdentity(t.Context(), "me",
			session.Origin{Actor: "admin:ann", Reason: "left"}); err != nil {
			t.Fatal(err)
		}
		described(used, "signed_out_everywhere", "admin:ann")
		refused(one, "revoked", "cli:ann", "lost phone", session.ErrRevoked)
		refused(two, "signed_out_everywhere", "admin:ann", "left", session.ErrRevoked)
		described(two, "signed_out_everywhere", "admin:ann")
		claims := fmt.Sprintf(`{"identity":"me","type":1,"exp":%d}`, s.at.Add(day).Unix())
		undated, err := token.NewMinter(s.keys, token.Rules{}).Issue([]byte(claims), s.at)
		if err != nil {
			t.Fatal(err)
		}
		refused(undated, "undated", "admin:ann", "left", session.ErrUndated)
		s.at = s.at.Add(2 * time.Hour) // a login of an hour ago is younger than the cut-off
		described(s.sign(t, "three", day, `,"type":1`), "", "")
	})
}

// TestEventsNameTheToken: an event names session and identity if the signature held, and only then.
func TestEventsNameTheToken(t *testing.T) {
	s := newRecorded(t, stateless)
	keys, err := jwk.SecretSet([]byte("another secret of thirty-two bytes"), false)
	if err != nil {
		t.Fatal(err)
	}
	forged, err := token.NewMinter(keys, token.Rules{}).Issue(
		[]byte(`{"identity":"me","type":1,"exp":4102444800}`), s.at)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		raw, cause, identity string
		want                 error
	}{
		"forged":       {forged, "signature", "", token.ErrSignature},
		"access token": {s.sign(t, "one", day, `,"type":0`), "not_refresh_token", "me", token.ErrNotRefresh},
	} {
		s.refresh(t, c.raw, c.want, session.Client{})
		if e := s.last(t); e.Cause != c.cause || e.Identity != c.identity ||
			(e.Session == "") != (c.identity == "") {
			t.Errorf("%s: event %+v", name, e)
		}
	}
}

// TestNoClocksCompared: with a skew of 0 a server accepts a session that was rotated by a clock
// that is ahead.
func TestNoClocksCompared(t *testing.T) {
	s := newRecorded(t, withRotation)
	next := s.refresh(t, s.sign(t, "one", day, `,"type":1`), nil, session.Client{}).RefreshToken
	s.at = s.at.Add(-30 * time.Second)
	s.refresh(t, next, nil, session.Client{})
}
