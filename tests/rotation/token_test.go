//go:build linux

package rotation

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"kalsel.dev/refresh/tests/server"
)

// login returns a login's refresh token. The tests sign it by themselves, without the product's code,
// which they test.
func login(identity string, issued time.Time) string {
	return loginWithID(identity, rand.Text(), issued)
}

// loginWithID is login with a jti, which may be empty as in the user's sample.
func loginWithID(identity, id string, issued time.Time) string {
	return loginWith(fmt.Sprintf(`{"identity":%q,"name":"Ann","jti":%q,"type":1,"iat":%d,"exp":%d}`,
		identity, id, issued.Unix(), issued.Add(24*time.Hour).Unix()))
}

// loginWith is login with these claims.
func loginWith(claims string) string {
	encode := base64.RawURLEncoding.EncodeToString
	input := encode([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + encode([]byte(claims))
	mac := hmac.New(sha256.New, []byte(server.Secret))
	mac.Write([]byte(input))
	return input + "." + encode(mac.Sum(nil))
}

type claims struct {
	Session    string `json:"sid"`
	Generation int64  `json:"gen"`
	IssuedAt   int64  `json:"iat"`
	Expires    int64  `json:"exp"`
	Key        string `json:"-"`
}

func claimsOf(t *testing.T, token string) claims {
	t.Helper()
	var c claims
	var header struct {
		Kid string `json:"kid"`
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("not a token: %q", token)
	}
	for i, into := range []any{&header, &c} {
		data, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err == nil {
			err = json.Unmarshal(data, into)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	c.Key = header.Kid
	return c
}
