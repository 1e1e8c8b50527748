//go:build linux

package chaos

import (
	"encoding/base64"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/tests/server"
)

func keySet(t *testing.T, specs ...jwk.Spec) *jwk.Set {
	t.Helper()
	var keys []*jwk.Key
	for _, spec := range specs {
		k, err := jwk.NewKey(spec)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, k)
	}
	set, err := jwk.NewSet(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func signWith(
	t *testing.T,
	method jwt.SigningMethod,
	key any,
	id string,
	claims jwt.MapClaims,
) string {
	t.Helper()
	unsigned := jwt.NewWithClaims(method, claims)
	unsigned.Header["kid"] = id
	raw, err := unsigned.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// signText signs claims exactly as they are written.
func signText(t *testing.T, claims string) string {
	t.Helper()
	encode := base64.RawURLEncoding.EncodeToString
	input := encode([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + encode([]byte(claims))
	signature, err := jwt.SigningMethodHS256.Sign(input, []byte(server.Secret))
	if err != nil {
		t.Fatal(err)
	}
	return input + "." + encode(signature)
}
