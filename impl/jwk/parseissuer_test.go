package jwk_test

import (
	"encoding/json"
	"strings"
	"testing"

	"kalsel.dev/refresh/impl/jwk"
)

// TestParseSetRefusesMixedKeys: a private half that does not belong to the public one. jwkset takes
// those of EC and Ed25519.
func TestParseSetRefusesMixedKeys(t *testing.T) {
	one, two := everyKey(t, "keys.json"), everyKey(t, "other_keys.json")
	for _, c := range []struct{ alg, member string }{
		{"EdDSA", "d"}, {"EdDSA", "x"}, {"ES256", "d"}, {"ES384", "d"},
		{"RS256", "d"}, {"RS256", "p"}, {"RS256", "qi"}, {"RS256", "dp"}, {"RS256", "dq"},
		{"RS256", "n"},
	} {
		t.Run(c.alg+" "+c.member, func(t *testing.T) {
			key, other := entry(t, one, c.alg), entry(t, two, c.alg)
			key[c.member] = other[c.member]
			file, err := json.Marshal(map[string]any{"keys": []any{key}})
			if _, err := jwk.ParseSet(must(t, file, err), false); err == nil {
				t.Error("accepted")
			}
		})
	}
	t.Run("RS256 without primes", func(t *testing.T) {
		key := entry(t, one, "RS256")
		delete(key, "p")
		file, err := json.Marshal(map[string]any{"keys": []any{key}})
		if _, err := jwk.ParseSet(must(t, file, err), false); err == nil {
			t.Error("accepted: jwkset would make a public key of it")
		}
	})
}

func TestParseIssuerKeys(t *testing.T) {
	set := everyKey(t, "keys.json")
	public, err := set.MarshalPublic(now())
	must(t, public, err)
	enc := strings.Replace(
		string(public),
		`{"kty"`,
		`{"kty":"RSA","use":"enc","alg":"RSA-OAEP","kid":"e","n":"AQAB","e":"AQAB"},{"kty"`,
		1,
	)
	keys, leftOut, err := jwk.ParseIssuerKeys([]byte(enc), "")
	if must(t, len(keys), err) != 7 || len(leftOut) != 1 {
		t.Errorf("got %d keys, left out %v", len(keys), leftOut)
	}
	extended, err := keySet(t, set.All()[0]).WithIssuer(keys...)
	file, err2 := must(t, extended, err).MarshalPrivate()
	if strings.Contains(string(must(t, file, err2)), "EdDSA") {
		t.Error("an issuer's keys are written to our file")
	}
	published, err := extended.MarshalPublic(now())
	if strings.Contains(string(must(t, published, err)), "EdDSA") {
		t.Error("an issuer's keys are published as ours")
	}
	private, err := keySet(t, set.All()[9]).MarshalPrivate()
	keys, _, err2 = jwk.ParseIssuerKeys(must(t, private, err), "")
	if must(t, keys, err2)[0].CanSign() {
		t.Error("an issuer's private key can sign here")
	}
	for name, file := range map[string]string{
		"a secret": `{"keys":[{"kty":"oct","kid":"a","k":"AAAA"}]}`,
		"a secret beside": `{"keys":[` + jsonOf(t,
			entry(t, set, "HS256")) + `,` + jsonOf(t, entry(t, set, "EdDSA")) + `]}`,
		"nothing usable": `{"keys":[{"kty":"RSA","kid":"a"}]}`,
		"not JSON":       `<html>`,
		"a key without ID": `{"keys":[` + strings.Replace(jsonOf(t, entry(t, set, "EdDSA")),
			`"kid":"EdDSA"`, `"kid":""`, 1) + `]}`,
	} {
		if _, _, err := jwk.ParseIssuerKeys([]byte(file), ""); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
