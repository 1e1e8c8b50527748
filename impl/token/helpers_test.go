package token_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/token"
)

const (
	secret = "a secret of thirty-two bytes ...."
	header = `{"alg":"HS256","typ":"JWT"}`
	// sample holds the claims of the user's sample.
	sample = `{"exp":1611318219,"identity":"whois.muchlis@gmail.com","is_admin":true,"jti":"","name":"Real Muchlis"}`
)

// now is before the sample expires.
func now() time.Time { return time.Unix(1_611_000_000, 0) }

func must[T any](t testing.TB, v T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func secretKeys(t testing.TB) *jwk.Set {
	keys, err := jwk.SecretSet([]byte(secret), false)
	return must(t, keys, err)
}

func verifier(t testing.TB, rules token.Rules) *token.Verifier {
	return token.NewVerifier(secretKeys(t), rules)
}

func minter(t testing.TB, rules token.Rules) *token.Minter {
	return token.NewMinter(secretKeys(t), rules)
}

func encode(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func decode(t testing.TB, s string) string {
	data, err := base64.RawURLEncoding.DecodeString(s)
	return string(must(t, data, err))
}

// forge signs any header and claims, however wrong, with golang-jwt's method.
func forge(t testing.TB, method jwt.SigningMethod, key any, header, claims string) string {
	input := encode(header) + "." + encode(claims)
	signature, err := method.Sign(input, key)
	return input + "." + encode(string(must(t, signature, err)))
}

// signed is a token of our secret with a proper header.
func signed(t testing.TB, claims string) string { return withHeader(t, header, claims) }

func withHeader(t testing.TB, header, claims string) string {
	return forge(t, jwt.SigningMethodHS256, []byte(secret), header, claims)
}

// with is the sample with members added in front.
func with(members string) string { return "{" + members + "," + sample[1:] }

// without is the sample without a member.
func without(t testing.TB, name string) string {
	var all map[string]json.RawMessage
	if err := json.Unmarshal([]byte(sample), &all); err != nil {
		t.Fatal(err)
	}
	delete(all, name)
	data, err := json.Marshal(all)
	return string(must(t, data, err))
}

// instead is the sample with the value of one member replaced.
func instead(t testing.TB, name, value string) string {
	rest := without(t, name)
	return `{"` + name + `":` + value + "," + strings.TrimPrefix(rest, "{")
}

// wantFault checks the fault, nil for none, and that a token comes back only where one may.
func wantFault(t testing.TB, got *token.Token, err, want error) {
	t.Helper()
	soon, retry := errors.AsType[*token.Early](want)
	if early, ok := errors.AsType[*token.Early](err); retry != ok || retry && *soon != *early {
		t.Fatalf("fault: got %v, want %v", err, want)
	}
	if !retry && !errors.Is(err, want) || want == nil && err != nil {
		t.Fatalf("fault: got %v, want %v", err, want)
	}
	if back := timeOnly(want); (got != nil) != back {
		t.Fatalf("a token came back: %v, want %v", got != nil, back)
	}
}

func newKey(t testing.TB, id, algorithm string, material any) *jwk.Key {
	key, err := jwk.NewKey(jwk.Spec{ID: id, Algorithm: algorithm, Material: material})
	return must(t, key, err)
}

func keySet(t testing.TB, keys ...*jwk.Key) *jwk.Set {
	set, err := jwk.NewSet(keys...)
	return must(t, set, err)
}

// timeOnly reports that err is no fault, or one of the faults with which a genuine token is
// returned.
func timeOnly(err error) bool {
	_, retry := errors.AsType[*token.Early](err)
	return err == nil || retry || errors.Is(err, token.ErrExpired) ||
		errors.Is(err, token.ErrNotYet)
}
