package jwk_test

import (
	"strings"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/jwk"
)

func timed(t testing.TB, id string, notBefore, expires int64) *jwk.Key {
	key, err := jwk.NewKey(jwk.Spec{
		ID: id, Algorithm: "HS256", Material: []byte(strings.Repeat(id, 32)), NotBefore: notBefore, Expires: expires,
	})
	return must(t, key, err)
}

func TestActiveKey(t *testing.T) {
	m := newMaterial(t)
	set := keySet(t,
		newKey(t, "public", "EdDSA", m.ed.Public()),
		timed(t, "new", 200, 0),
		timed(t, "old", 100, 300),
		timed(t, "oldest", 0, 150))
	for _, c := range []struct {
		at   int64
		want string
	}{{0, "oldest"}, {99, "oldest"}, {100, "old"}, {199, "old"}, {200, "new"}, {1 << 40, "new"}} {
		if got := set.Active(time.Unix(c.at, 0)); got == nil || got.ID() != c.want {
			t.Errorf("at %d: got %v, want %s", c.at, got, c.want)
		}
	}
	if got := keySet(t, timed(t, "a", 0, 100)).Active(time.Unix(100, 0)); got != nil {
		t.Errorf("an expired key is active")
	}
	if got := keySet(t, newKey(t, "public", "EdDSA", m.ed.Public())).Active(now()); got != nil {
		t.Errorf("a public key is active")
	}
}

func TestKeySetRefuses(t *testing.T) {
	a := timed(t, "a", 0, 0)
	if _, err := jwk.NewSet(); err == nil {
		t.Error("an empty set")
	}
	if _, err := jwk.NewSet(a, timed(t, "a", 1, 0)); err == nil {
		t.Error("two keys of one ID")
	}
	if _, err := keySet(t, a).WithDefault("b"); err == nil {
		t.Error("a default that is not there")
	}
	if _, err := keySet(t, a, newKey(t, "", "HS256", []byte(secret))).WithDefault("a"); err == nil {
		t.Error("two keys for tokens without kid")
	}
	if _, err := keySet(t, a).WithIssuer(timed(t, "x", 0, 0)); err == nil {
		t.Error("an issuer's secret")
	}
	if _, err := jwk.SecretSet([]byte(secret)[:31], false); err == nil {
		t.Error("a weak secret")
	}
	if _, err := jwk.SecretSet([]byte("weak"), true); err != nil {
		t.Error("a weak secret that is allowed:", err)
	}
}
