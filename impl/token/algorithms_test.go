package token_test

import (
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"kalsel.dev/refresh/impl/token"
)

// TestOneKeyIDAndSeveralAlgorithms: an issuer may publish one kid for several algorithms, and the
// alg of the token selects among them.
func TestOneKeyIDAndSeveralAlgorithms(t *testing.T) {
	m := newMaterial(t)
	public := &m.rsa.PublicKey
	set, err := secretKeys(
		t,
	).WithIssuer(newKey(t, "a", "RS384", public), newKey(t, "a", "RS256", public),
		newKey(t, "a", "PS256", public))
	v := token.NewVerifier(must(t, set, err), token.Rules{Issuer: "them"})
	theirs := func(method jwt.SigningMethod, alg string) string {
		return forge(t, method, m.rsa, `{"alg":"`+alg+`","kid":"a"}`, with(`"iss":"them"`))
	}
	runAttacks(t, v, []attack{
		{"first", theirs(jwt.SigningMethodRS384, "RS384"), nil},
		{"second", theirs(jwt.SigningMethodRS256, "RS256"), nil},
		{"third", theirs(jwt.SigningMethodPS256, "PS256"), nil},
		{"none of them", theirs(jwt.SigningMethodRS512, "RS512"), token.ErrAlgorithm},
		{
			"one under the name of another",
			theirs(jwt.SigningMethodRS384, "RS256"),
			token.ErrSignature,
		},
	})
}

// TestEd25519IsEdDSA: RFC 9864 gives EdDSA on the curve Ed25519 a name of its own.
func TestEd25519IsEdDSA(t *testing.T) {
	m := newMaterial(t)
	for _, alg := range []string{"EdDSA", "Ed25519"} {
		set := keySet(t, newKey(t, "a", alg, m.ed), newKey(t, "p", "ES256", m.p256))
		runAttacks(t, token.NewVerifier(set, token.Rules{}), []attack{
			{
				"old name",
				forge(t, jwt.SigningMethodEdDSA, m.ed, `{"alg":"EdDSA","kid":"a"}`, sample),
				nil,
			},
			{
				"new name",
				forge(t, jwt.SigningMethodEdDSA, m.ed, `{"alg":"Ed25519","kid":"a"}`, sample),
				nil,
			},
			{
				"another curve",
				forge(t, jwt.SigningMethodEdDSA, m.ed, `{"alg":"Ed448","kid":"a"}`, sample),
				token.ErrAlgorithm,
			},
			{
				"of another key",
				forge(t, jwt.SigningMethodEdDSA, m.ed, `{"alg":"Ed25519","kid":"p"}`, sample),
				token.ErrAlgorithm,
			},
		})
		raw, err := token.NewMinter(set, token.Rules{}).Issue([]byte(sample), now())
		if h := decode(t, strings.Split(must(t, raw, err), ".")[0]); !strings.Contains(
			h,
			`"alg":"`+alg+`"`,
		) {
			t.Errorf("got the header %s", h)
		}
	}
}
