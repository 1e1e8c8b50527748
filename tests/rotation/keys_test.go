//go:build linux

package rotation

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/impl/store"
	"kalsel.dev/refresh/impl/token"
)

func newKey(t *testing.T, algorithm, id string) *jwk.Key {
	t.Helper()
	key, err := jwk.GenerateKey(algorithm, id)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newSet(t *testing.T, keys ...*jwk.Key) *jwk.Set {
	t.Helper()
	set, err := jwk.NewSet(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// keyring is keys that are replaced while they are in use.
type keyring struct{ atomic.Pointer[jwk.Set] }

func (k *keyring) Keys() *jwk.Set { return k.Load() }

// issued is a login's token, signed with the key that signs now.
func issued(t *testing.T, set *jwk.Set) string {
	t.Helper()
	raw, err := token.NewMinter(set, token.Rules{}).Issue(fmt.Appendf(
		nil,
		`{"identity":"ann","roles":["a"],"type":1,"jti":"1","exp":%d}`,
		time.Now().Add(30*24*time.Hour).Unix(),
	), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// TestSameBytes: a lost successor is minted again byte for byte with every algorithm that allows
// it, and also after another key has taken over.
func TestSameBytes(t *testing.T) {
	for _, algorithm := range []string{"HS256", "HS384", "HS512", "RS256", "RS384", "RS512",
		"EdDSA"} {
		t.Run(algorithm, func(t *testing.T) {
			var keys keyring
			old, next := newKey(t, algorithm, "old"), newKey(t, "EdDSA", "next")
			keys.Store(newSet(t, old))
			now := time.Now()
			s := service(t, &keys, func() time.Time { return now })
			refresh := func(raw string) string {
				t.Helper()
				g, err := s.Refresh(t.Context(), raw, time.Hour, session.Client{})
				if err != nil {
					t.Fatal(err)
				}
				return g.RefreshToken
			}
			first := issued(t, keys.Keys())
			second := refresh(first)
			now = now.Add(time.Hour) // the answer was lost, long ago
			if refresh(first) != second {
				t.Error("another successor")
			}
			keys.Store(newSet(t, next, old))
			now = now.Add(time.Hour)
			if refresh(first) != second || claimsOf(t, second).Key != "old" {
				t.Error("another successor since another key signs")
			}
			third := refresh(second)
			if claimsOf(t, third).Key != "next" {
				t.Error("the next successor is not signed with the key that signs now")
			}
			if refresh(second) != third {
				t.Error("another third token")
			}
		})
	}
}

// TestKeyIsGone: if the key that signed a successor is removed, the active key signs it again, and
// always the same way.
func TestKeyIsGone(t *testing.T) {
	var keys keyring
	login, old, next := newKey(
		t,
		"EdDSA",
		"login",
	), newKey(
		t,
		"EdDSA",
		"old",
	), newKey(
		t,
		"EdDSA",
		"next",
	)
	first := issued(t, newSet(t, login))
	keys.Store(newSet(t, old, login))
	now := time.Now()
	s := service(t, &keys, func() time.Time { return now })
	if _, err := s.Refresh(t.Context(), first, time.Hour, session.Client{}); err != nil {
		t.Fatal(err)
	}
	keys.Store(newSet(t, next, login))
	now = now.Add(time.Hour)
	var seen []string
	for range 2 {
		g, err := s.Refresh(t.Context(), first, time.Hour, session.Client{})
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, g.RefreshToken)
	}
	if seen[0] != seen[1] || claimsOf(t, seen[0]).Key != "next" {
		t.Errorf("the successors are %q", seen)
	}
}

func service(t *testing.T, keys jwk.Source, now func() time.Time) *session.Service {
	t.Helper()
	return serviceWith(t, keys, now, session.Rotation{Window: time.Minute})
}

func serviceWith(
	t *testing.T,
	keys jwk.Source,
	now func() time.Time,
	r session.Rotation,
) *session.Service {
	t.Helper()
	return serviceOn(t, openMemory(t), keys, now, r)
}

func serviceOn(
	t *testing.T, db session.Store, keys jwk.Source, now func() time.Time, r session.Rotation,
) *session.Service {
	t.Helper()
	return session.New(session.Config{
		Keys:     keys,
		Rules:    token.Rules{MaxLifetime: 365 * 24 * time.Hour},
		Store:    db,
		Log:      slog.New(slog.DiscardHandler),
		Now:      now,
		Rotation: &r,
	})
}

func openMemory(t *testing.T) *store.Store {
	t.Helper()
	db, err := store.Open(t.Context(), "sqlite::memory:")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() }) // it is a store in memory
	return db
}

func writeKeys(t *testing.T, path string, set *jwk.Set) {
	t.Helper()
	data, err := set.MarshalPrivate()
	if err == nil {
		err = os.WriteFile(path, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestUnsuitableKeys: keys whose signatures differ each time are refused at the start, in one line,
// those too that are to sign later.
func TestUnsuitableKeys(t *testing.T) {
	soon := func(key *jwk.Key) *jwk.Key {
		key, err := key.WithTimes(time.Now().Add(time.Hour).Unix(), 0)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	for _, algorithm := range []string{"ES256", "ES384", "PS256"} {
		for name, set := range map[string]*jwk.Set{
			"signs now":   newSet(t, newKey(t, algorithm, "one"), newKey(t, "EdDSA", "two")),
			"is to sign":  newSet(t, soon(newKey(t, algorithm, "one")), newKey(t, "EdDSA", "two")),
			"signs alone": newSet(t, newKey(t, algorithm, "one")),
		} {
			t.Run(algorithm+" "+name, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "keys.json")
				writeKeys(t, path, set)
				s := shared.Launch(t, "--rotation", "--keys="+path)
				<-s.Done
				text := s.Log.String()
				if s.State.ExitCode() != 2 || strings.Count(text, "\n") != 1 ||
					!strings.Contains(text, "rotation needs a key that signs reproducibly") ||
					!strings.Contains(text, algorithm) {
					t.Errorf("exit status %d: %s", s.State.ExitCode(), text)
				}
			})
		}
	}
	if err := session.CheckKeys(
		newSet(t, newKey(t, "EdDSA", "signs"),
			newKey(t, "ES256", "verifies only")), time.Now()); err != nil {
		t.Errorf("a key that never signs is refused: %v", err)
	}
}

// TestUnsuitableReload: a running server goes on with the keys that it has.
func TestUnsuitableReload(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	good := newSet(t, newKey(t, "EdDSA", "good"))
	writeKeys(t, path, good)
	s := launch(t, "--keys="+path, "--store=sqlite::memory:")
	raw := issued(t, good)
	first := redeem(s.URL, raw)
	writeKeys(t, path, newSet(t, newKey(t, "ES256", "bad"), good.All()[0]))
	if err := syscall.Kill(s.PID, syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	s.Await(
		t,
		"the refusal of the key",
		func() bool { return s.Log.Contains("signs reproducibly") },
	)
	again := redeem(s.URL, raw)
	if first.status != 200 || again.refresh != first.refresh ||
		claimsOf(t, again.access).Key != "good" {
		t.Errorf("got %+v after %+v", again, first)
	}
}
