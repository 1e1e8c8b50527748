package jwk_test

import (
	"testing"

	"kalsel.dev/refresh/impl/jwk"
)

// TestThumbprint compares with the examples of RFC 7638 section 3.1 and RFC 8037 appendix A.3.
func TestThumbprint(t *testing.T) {
	const (
		rsaKey = `{"kty":"RSA","alg":"RS256","kid":"2011-04-29","e":"AQAB","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"}`
		edKey  = `{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`
	)
	for _, c := range []struct{ name, key, want string }{
		{"RSA", rsaKey, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"},
		{"Ed25519", edKey, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"},
		{"secret", `{"kty":"oct","alg":"HS256","kid":"a","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}`, ""},
	} {
		set, err := jwk.ParseSet([]byte(`{"keys":[`+c.key+`]}`), false)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if got := set.All()[0].Thumbprint(); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
	key, err := jwk.GenerateKey("ES256", "first")
	if err != nil {
		t.Fatal(err)
	}
	renamed, err := jwk.NewKey(jwk.Spec{ID: "second", Algorithm: "ES256", Material: key.Public()})
	if err != nil {
		t.Fatal(err)
	}
	if key.Thumbprint() == "" || key.Thumbprint() != renamed.Thumbprint() {
		t.Errorf(
			"%q, and %q for its public half under another ID",
			key.Thumbprint(),
			renamed.Thumbprint(),
		)
	}
}
