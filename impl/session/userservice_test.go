package session_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/impl/token"
)

// users is a user service that answers as the test says, and counts the questions.
type users struct {
	asked  int
	claims func(q session.UserQuestion) ([]byte, error)
	keep   bool
}

func (u *users) Claims(_ context.Context, q session.UserQuestion) ([]byte, error) {
	u.asked++
	return u.claims(q)
}

func (u *users) Failed(context.Context, session.UserQuestion, error) bool { return u.keep }

// askingService is a service with a user service.
type askingService struct {
	*recorded

	users *users
	log   bytes.Buffer
}

func newAskingService(t *testing.T, rotation *session.Rotation) *askingService {
	t.Helper()
	s := &askingService{users: &users{}}
	s.users.claims = func(session.UserQuestion) ([]byte, error) { return []byte(`{}`), nil }
	s.recorded = newRecorded(t, func(c *session.Config) {
		c.Log = slog.New(slog.NewTextHandler(&s.log, nil))
		c.Rotation, c.Users = rotation, s.users
	})
	return s
}

// login returns the token of a login at a time.
func (s *askingService) login(t *testing.T, at time.Time, life time.Duration) string {
	t.Helper()
	claims := fmt.Sprintf(`{"identity":"me","jti":"%d","iat":%d,"exp":%d,"type":1}`,
		at.UnixNano(), at.Unix(), at.Add(life).Unix())
	raw, err := token.NewMinter(s.keys, token.Rules{}).Issue([]byte(claims), at)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// wants refreshes, and fails unless the error is the wanted one and the user service was asked so
// many times.
func (s *askingService) wants(t *testing.T, raw string, want error, asked int) session.Grant {
	t.Helper()
	s.users.asked = 0
	grant, err := s.Refresh(t.Context(), raw, time.Hour, session.Client{})
	if !errors.Is(err, want) || (err != nil) != (want != nil) || s.users.asked != asked {
		t.Fatalf("got %v after %d questions, want %v after %d", err, s.users.asked, want, asked)
	}
	return grant
}

func eachMode(t *testing.T, test func(t *testing.T, s *askingService)) {
	t.Run("stateless", func(t *testing.T) { test(t, newAskingService(t, nil)) })
	t.Run("rotation", func(t *testing.T) { test(t, newAskingService(t, &session.Rotation{})) })
}

// TestExpiryWhileUsersAreAsked: a token that expires during the call is not accepted.
func TestExpiryWhileUsersAreAsked(t *testing.T) {
	eachMode(t, func(t *testing.T, s *askingService) {
		raw := s.login(t, s.at, time.Minute)
		s.users.claims = func(session.UserQuestion) ([]byte, error) {
			s.at = s.at.Add(time.Minute)
			return []byte(`{}`), nil
		}
		s.wants(t, raw, token.ErrExpired, 1)
		s.wants(t, raw, token.ErrExpired, 0)
	})
}

// TestRevokedWhileUsersAreAsked: a session that is revoked during the call gets no token, in any
// generation.
func TestRevokedWhileUsersAreAsked(t *testing.T) {
	eachMode(t, func(t *testing.T, s *askingService) {
		for generation := range 3 {
			raw := s.login(t, s.at.Add(-time.Duration(generation)*time.Second), time.Hour)
			s.users.claims = func(session.UserQuestion) ([]byte, error) { return []byte(`{}`), nil }
			for range generation {
				if next := s.wants(t, raw, nil, 1).RefreshToken; next != "" {
					raw = next
				}
			}
			s.users.claims = func(session.UserQuestion) ([]byte, error) {
				return []byte(`{}`), s.Logout(t.Context(), raw)
			}
			s.wants(t, raw, session.ErrRevoked, 1)
		}
	})
}

// TestSignedOutEverywhereIsNotAsked: the user service is not asked about a session that began before
// all sessions of its identity were revoked, and is asked about a later one, in each generation.
func TestSignedOutEverywhereIsNotAsked(t *testing.T) {
	eachMode(t, func(t *testing.T, s *askingService) {
		before := s.login(t, s.at.Add(-time.Hour), 2*time.Hour)
		later := s.login(t, s.at.Add(time.Hour), 2*time.Hour)
		if next := s.wants(t, before, nil, 1).RefreshToken; next != "" {
			before = next
		}
		if _, err := s.RevokeIdentity(t.Context(), "me", session.Origin{}); err != nil {
			t.Fatal(err)
		}
		s.wants(t, before, session.ErrRevoked, 0)
		s.at = s.at.Add(time.Hour)
		if next := s.wants(t, later, nil, 1).RefreshToken; next != "" {
			s.wants(t, next, nil, 1)
		}
	})
}

// TestGoneIsRevoked: after the answer the session is revoked, or the answer says that this is not
// known.
func TestGoneIsRevoked(t *testing.T) {
	eachMode(t, func(t *testing.T, s *askingService) {
		raw, other := s.login(t, s.at, time.Hour), s.login(t, s.at.Add(-time.Second), time.Hour)
		s.users.claims = func(session.UserQuestion) ([]byte, error) {
			return nil, session.ErrIdentityGone
		}
		s.wants(t, raw, session.ErrIdentityGone, 1)
		s.wants(t, raw, session.ErrRevoked, 0)
		s.users.claims = func(session.UserQuestion) ([]byte, error) {
			return nil, errors.Join(session.ErrIdentityGone, s.store.Close())
		}
		s.wants(t, other, revocation.ErrUnavailable, 1)
	})
}

// TestGoneWithoutTheClient: a client that hangs up does not prevent the revocation.
func TestGoneWithoutTheClient(t *testing.T) {
	eachMode(t, func(t *testing.T, s *askingService) {
		raw := s.login(t, s.at, time.Hour)
		ctx, hangUp := context.WithCancel(t.Context())
		s.users.claims = func(session.UserQuestion) ([]byte, error) {
			hangUp()
			return nil, session.ErrIdentityGone
		}
		_, err := s.Refresh(ctx, raw, time.Hour, session.Client{})
		if !errors.Is(err, session.ErrIdentityGone) {
			t.Errorf("got %v", err)
		}
		s.wants(t, raw, session.ErrRevoked, 0)
	})
}

// TestIgnoredClaimsAreLoggedOnce: only an answer that tries to change a kept claim is logged.
func TestIgnoredClaimsAreLoggedOnce(t *testing.T) {
	s := newAskingService(t, nil)
	for _, step := range []struct {
		claims string
		lines  int
	}{{`{}`, 0}, {`{"role":"x"}`, 0}, {`{"exp":1}`, 1}, {`{"exp":1}`, 1}} {
		s.users.claims = func(session.UserQuestion) ([]byte, error) {
			return []byte(step.claims), nil
		}
		s.wants(t, s.login(t, s.at, time.Hour), nil, 1)
		if got := strings.Count(s.log.String(), "claims that it cannot change"); got != step.lines {
			t.Errorf("%s: %d lines, want %d", step.claims, got, step.lines)
		}
	}
}

// TestFaultsInAnswersAreNoFaultsOfTheToken: no answer that cannot be used rejects a token.
func TestFaultsInAnswersAreNoFaultsOfTheToken(t *testing.T) {
	for name, claims := range map[string]string{
		"too long":       fmt.Sprintf(`{"a":"%01000000d"}`, 0),
		"no boolean":     `{"is_admin":"yes"}`,
		"other case":     `{"Identity":"you"}`,
		"no object":      `null`,
		"not valid JSON": `{"a":`,
	} {
		t.Run(name, func(t *testing.T) {
			eachMode(t, func(t *testing.T, s *askingService) {
				raw := s.login(t, s.at, time.Hour)
				s.users.claims = func(session.UserQuestion) ([]byte, error) {
					return []byte(claims), nil
				}
				_, err := s.Refresh(t.Context(), raw, time.Hour, session.Client{})
				if _, isFault := errors.AsType[token.Fault](err); isFault {
					t.Errorf("the token is rejected: %v", err)
				}
				s.wants(t, raw, session.ErrUserService, 1)
				s.users.keep = true
				s.wants(t, raw, nil, 1)
			})
		})
	}
}
