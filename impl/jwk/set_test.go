package jwk_test

import (
	"strings"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/jwk"
)

func timed(t testing.TB, id string, notBefore, expires int64) *jwk.Key {
	key, err := jwk.NewKey(jwk.Spec{
		ID:        id,
		Algorithm: "HS256",
		Material:  []byte(strings.Repeat(id, 32)),
		NotBefore: notBefore,
		Expires:   expires,
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

// TestFind: the kid selects, and the alg must be the key's.
func TestFind(t *testing.T) {
	m := newMaterial(t)
	unix := now().Unix()
	secretKey := newKey(t, "", "HS256", []byte(secret))
	own := keySet(
		t,
		secretKey,
		timed(t, "old", 0, unix),
		timed(t, "last", 0, unix+1),
		newKey(t, "ed", "EdDSA", m.ed),
	)
	plain, err := jwk.SecretSet([]byte(secret), false)
	must(t, plain, err)
	waiting, err := plain.WithIssuer()
	must(t, waiting, err)
	issuer := []*jwk.Key{
		newKey(t, "ed", "ES256", &m.p256.PublicKey), newKey(t, "rsa", "RS256", &m.rsa.PublicKey),
		newKey(t, "rsa", "PS256", &m.rsa.PublicKey), newKey(t, "", "ES256", &m.p256.PublicKey),
	}
	extended, err := own.WithIssuer(issuer...)
	must(t, extended, err)
	const none, other = "", "other algorithm"
	for _, c := range []struct {
		set      *jwk.Set
		kid, alg string
		want     string // the ID and algorithm that are found
	}{
		{own, "", "HS256", " HS256"},
		{own, "", "HS384", other},
		{own, "old", "HS256", none},
		{own, "last", "HS256", "last HS256"},
		{own, "ed", "EdDSA", "ed EdDSA"},
		{own, "ed", "Ed25519", "ed EdDSA"},
		{own, "ed", "Ed448", other},
		{own, "ed", "HS256", other},
		{own, "old", "Ed25519", none},
		{own, "last", "Ed25519", other},
		{own, "rsa", "RS256", none},
		{plain, "any", "HS256", " HS256"},
		{plain, "any", "RS256", other},
		{waiting, "any", "HS256", " HS256"},
		{waiting, "any", "RS256", none},
		{waiting, "", "RS256", other},
		{extended, "rsa", "RS256", "rsa RS256"},
		{extended, "rsa", "PS256", "rsa PS256"},
		{extended, "rsa", "RS512", other},
		{extended, "ed", "EdDSA", "ed EdDSA"}, // ours
		{extended, "ed", "ES256", other},
		{extended, "", "HS256", " HS256"},
		{extended, "", "ES256", other},
	} {
		key, known := c.set.Find([]byte(c.kid), []byte(c.alg), unix)
		got := none
		if known {
			got = other
		}
		if key != nil {
			got = key.ID() + " " + key.Algorithm()
		}
		if got != c.want || key != nil && !known {
			t.Errorf("%q %s: got %q, want %q", c.kid, c.alg, got, c.want)
		}
	}
	for _, k := range extended.All() {
		if k.Issuer() != (k.ID() == "rsa") {
			t.Errorf("%q %s: an issuer's: %t", k.ID(), k.Algorithm(), k.Issuer())
		}
	}
	if len(own.All()) != 4 || len(extended.All()) != 6 {
		t.Errorf("%d keys of ours, %d with the issuer's", len(own.All()), len(extended.All()))
	}
	if _, known := own.Find([]byte("rsa"), []byte("RS256"), unix); known {
		t.Error("the set that was extended has changed")
	}
}

// TestSigner: a named key signs if it can, whatever its nbf; else the active one does.
func TestSigner(t *testing.T) {
	m := newMaterial(t)
	unix := now().Unix()
	set := keySet(
		t,
		newKey(t, "public", "EdDSA", m.ed.Public()),
		timed(t, "active", 0, 0),
		timed(t, "later", unix+60, unix+120),
		timed(t, "gone", 0, unix),
		timed(t, "last", 0, unix+1),
	)
	for id, want := range map[string]string{
		"active":  "active",
		"later":   "later",
		"last":    "last",
		"gone":    "active",
		"public":  "active",
		"unknown": "active",
		"":        "active",
	} {
		if got := set.Signer(id, now()); got == nil || got.ID() != want {
			t.Errorf("%q: got %v, want %s", id, got, want)
		}
	}
	if got := keySet(t,
		newKey(t, "public", "EdDSA", m.ed.Public())).Signer("public", now()); got != nil {
		t.Errorf("%q signs without a private half", got.ID())
	}
}

// TestAccess: access tokens have keys of their own only if some were given.
func TestAccess(t *testing.T) {
	refresh, access := keySet(t, timed(t, "a", 0, 0)), keySet(t, timed(t, "b", 0, 0))
	if refresh.Access() != refresh {
		t.Error("a set without keys for access tokens does not use its own")
	}
	both := refresh.WithAccess(access)
	if both.Access() != access {
		t.Error("the keys for access tokens are not used")
	}
	if refresh.Access() != refresh {
		t.Error("the set itself was changed")
	}
}
