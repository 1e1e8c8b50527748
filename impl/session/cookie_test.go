package session_test

import (
	"strings"
	"testing"

	"kalsel.dev/refresh/impl/session"
)

// TestLongestRefreshToken: a client that cannot keep a longer token gets none, whichever of the two
// tokens is too long.
func TestLongestRefreshToken(t *testing.T) {
	inEachMode(t, func(t *testing.T, s *recorded) {
		raw := s.sign(t, "one", day, `,"type":1`)
		length := len(raw)
		if next := s.refresh(t, raw, nil, session.Client{}).RefreshToken; next != "" {
			length = len(next)
		}
		s.refresh(t, raw, nil, session.Client{MaxRefreshToken: length})
		_, err := s.Refresh(t.Context(), raw, 0, session.Client{MaxRefreshToken: length - 1})
		if err == nil || !strings.Contains(err.Error(), "too long for a cookie") {
			t.Errorf("one byte too long: %v", err)
		}
		if e := s.last(t); e.Cause != "too_long" {
			t.Errorf("event %+v", e)
		}
	})
}

// TestLogoutReplaced: the session of a replaced cookie is revoked, unless the new cookie belongs to
// it.
func TestLogoutReplaced(t *testing.T) {
	inEachMode(t, func(t *testing.T, s *recorded) {
		replace := func(old, next string) {
			t.Helper()
			if err := s.LogoutReplaced(t.Context(), old, next); err != nil {
				t.Error(err)
			}
		}
		first := s.sign(t, "one", day, `,"type":1`)
		next := first
		if successor := s.refresh(t, first, nil, session.Client{}).RefreshToken; successor != "" {
			next = successor
		}
		replace(first, next)
		replace("no token", next)
		s.refresh(t, next, nil, session.Client{})
		if err := s.LogoutReplaced(t.Context(), first, "no token"); err == nil {
			t.Error("a new token that is not genuine replaced another one")
		}
		s.refresh(t, next, nil, session.Client{})

		other := s.sign(t, "two", day, `,"type":1`)
		replace(first, other)
		if e := s.last(t); e.Actor != "client" || e.Reason != "another login in the same browser" {
			t.Errorf("event %+v", e)
		}
		s.refresh(t, next, session.ErrRevoked, session.Client{})
		s.refresh(t, other, nil, session.Client{})
		replace(other, "")
		if e := s.last(t); e.Reason != "logout" {
			t.Errorf("event %+v", e)
		}
		s.refresh(t, other, session.ErrRevoked, session.Client{})
	})
}
