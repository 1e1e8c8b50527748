package guard

import (
	"encoding/base64"
	"fmt"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/jwk"
)

// TestKeys: without a secret the guard uses the public keys of the server, reads them again for a
// token with an unknown key, and cannot decide while they cannot be read.
func TestKeys(t *testing.T) {
	t.Parallel()
	first, second := newKey(t, "first"), newKey(t, "second")
	p := newPlace(t, func(c *Config) { c.Secret, c.MaxStale = nil, time.Hour })
	set := func(text string) {
		p.keys.Store(&text)
		p.clock.pass(keysAfter)
	}
	p.unavailable("no keys yet", signedBy(t, first))
	set(keySet(t, true, first))
	p.unavailable("the server shows a private key", signedBy(t, first))
	set(keySet(t, false, first))
	p.await("the keys", func() bool { return p.check(signedBy(t, first)) == nil })
	set("no JSON")
	p.unavailable("an unknown key, and the keys cannot be read", signedBy(t, second))
	if err := p.check(signedBy(t, first)); err != nil {
		t.Errorf("a known key while the keys cannot be read: %v", err)
	}
	set(keySet(t, false, first, second))
	if err := p.check(signedBy(t, second)); err != nil {
		t.Errorf("a new key: %v", err)
	}
	if w := ask(p.guard.Handler(nil), signedBy(t, newKey(t, "third"))); w.Code != 401 {
		t.Errorf("a key that the server does not have: %d, want 401", w.Code)
	}
	if w := ask(p.guard.Handler(nil), signed(t, 0, nil)); w.Code != 401 {
		t.Errorf("HS256 with public keys: %d, want 401", w.Code)
	}
}

func newKey(t *testing.T, id string) *jwk.Key {
	t.Helper()
	key, err := jwk.GenerateKey("ES256", id)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// keySet returns a JWK Set with the public or the private keys.
func keySet(t *testing.T, private bool, keys ...*jwk.Key) string {
	t.Helper()
	set, err := jwk.NewSet(keys...)
	if err != nil {
		t.Fatal(err)
	}
	text, err := set.MarshalPrivate()
	if !private {
		text, err = set.MarshalPublic(time.Now())
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// signedBy returns an access token that a key has signed.
func signedBy(t *testing.T, key *jwk.Key) string {
	t.Helper()
	encode := base64.RawURLEncoding.EncodeToString
	input := encode(fmt.Appendf(nil, `{"alg":"ES256","typ":"JWT","kid":%q}`, key.ID())) + "." +
		encode(fmt.Appendf(nil, `{"identity":"ana@example.com","type":0,"exp":%d}`,
			time.Now().Add(24*time.Hour).Unix()))
	signature, err := key.AppendSignature(nil, []byte(input))
	if err != nil {
		t.Fatal(err)
	}
	return input + "." + encode(signature)
}
