package session_test

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/impl/store"
	"kalsel.dev/refresh/impl/token"
)

// lateKeys are keys of which one becomes known when it is asked for.
type lateKeys struct {
	set   atomic.Pointer[jwk.Set]
	later *jwk.Set // nil: it does not exist
	err   error
	asked atomic.Int64
}

func (k *lateKeys) Keys() *jwk.Set { return k.set.Load() }

func (k *lateKeys) refetch(context.Context, string, string) error {
	k.asked.Add(1)
	if k.later != nil {
		k.set.Store(k.later)
	}
	return k.err
}

// asymmetric returns a set of one new key and a refresh token that it signed.
func asymmetric(t *testing.T, id string) (*jwk.Set, string) {
	key, err := jwk.GenerateKey("EdDSA", id)
	if err != nil {
		t.Fatal(err)
	}
	set, err := jwk.NewSet(key)
	if err != nil {
		t.Fatal(err)
	}
	claims := `{"identity":"me","jti":"one","iat":1700000000,"exp":1800000000,"type":1}`
	raw, err := token.NewMinter(set,
		token.Rules{}).Issue([]byte(claims), time.Unix(1_700_000_000, 0))
	if err != nil {
		t.Fatal(err)
	}
	return set, raw
}

func lateService(t *testing.T, keys *lateKeys) *session.Service {
	db, err := store.Open(t.Context(), "sqlite::memory:")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return session.New(session.Config{
		Keys: keys, Store: db, Log: slog.New(slog.DiscardHandler), Refetch: keys.refetch,
		Now: func() time.Time { return time.Unix(1_700_000_100, 0) },
	})
}

func TestUnknownKeyGetsASecondChance(t *testing.T) {
	known, ours := asymmetric(t, "known")
	added, theirs := asymmetric(t, "added")
	both, err := jwk.NewSet(append(known.All(), added.All()...)...)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		raw   string
		later *jwk.Set
		err   error
		want  error
		asked int64
	}{
		"known": {ours, both, errors.New("away"), nil, 0},
		"forged": {ours[:len(ours)-4] + "AAAA", both, nil, token.ErrSignature,
			0},
		"unknown, and then known": {theirs, both, nil, nil, 1},
		"unknown for good":        {theirs, nil, nil, token.ErrUnknownKey, 1},
		"unknown, the issuer away": {theirs, nil, errors.New("away"), session.ErrKeysUnavailable,
			1},
		"malformed, the issuer away": {"hello", nil, errors.New("away"), token.ErrMalformed, 0},
	} {
		for operation, call := range map[string]func(*session.Service) error{
			"refresh": func(s *session.Service) error {
				_, err := s.Refresh(t.Context(), c.raw, time.Minute, session.Client{})
				return err
			},
			"logout": func(s *session.Service) error { return s.Logout(t.Context(), c.raw) },
		} {
			t.Run(name+", "+operation, func(t *testing.T) {
				keys := &lateKeys{later: c.later, err: c.err}
				keys.set.Store(known)
				if err := call(lateService(t, keys)); !errors.Is(err, c.want) || c.want == nil &&
					err != nil {
					t.Errorf("got %v, want %v", err, c.want)
				}
				if n := keys.asked.Load(); n != c.asked {
					t.Errorf("asked %d times, want %d", n, c.asked)
				}
			})
		}
	}
}

// TestRevocationIsSeenForATokenSeenBefore: that a signature need not be computed again spares no
// other question.
func TestRevocationIsSeenForATokenSeenBefore(t *testing.T) {
	set, raw := asymmetric(t, "key")
	keys := new(lateKeys)
	keys.set.Store(set)
	s := lateService(t, keys)
	for range 3 {
		if _, err := s.Refresh(t.Context(), raw, time.Minute, session.Client{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Logout(t.Context(), raw); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Refresh(t.Context(), raw, time.Minute,
		session.Client{}); !errors.Is(err, session.ErrRevoked) {
		t.Errorf("got %v, want ErrRevoked", err)
	}
}
