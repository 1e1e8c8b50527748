package apis

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/tests/server"
)

// login signs the tokens of a login, and starts refreshd with its keys.
type login struct {
	algorithm, id string
	key           any
	environment   []string // of an API
	arguments     []string // of refreshd
}

func withSecret(*testing.T) login {
	return login{
		algorithm:   "HS256",
		key:         []byte(server.Secret),
		environment: []string{"SECRET=" + server.Secret, "ALGORITHM=HS256"},
	}
}

func withKeys(t *testing.T) login {
	t.Helper()
	key, err := jwk.GenerateKey("ES256", "k1")
	if err != nil {
		t.Fatal(err)
	}
	set, err := jwk.NewSet(key)
	if err != nil {
		t.Fatal(err)
	}
	file, err := set.MarshalPrivate()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	return login{
		algorithm:   "ES256",
		id:          "k1",
		key:         key,
		environment: []string{"ALGORITHM=ES256"},
		arguments:   []string{"--keys=" + path},
	}
}

// sign returns a token with these claims beside the usual ones.
func (l login) sign(t *testing.T, kind int, fresh bool, expires time.Duration) string {
	t.Helper()
	claims := jwt.MapClaims{
		"identity": "ana@example.com",
		"type":     kind,
		"iat":      time.Now().Add(-2 * time.Hour).Unix(),
		"exp":      time.Now().Add(expires).Unix(),
	}
	if kind == 0 {
		claims["fresh"] = fresh
	}
	if own, ok := l.key.(*jwk.Key); ok {
		token := jwt.NewWithClaims(jwt.SigningMethodES256, claims)
		token.Header["kid"] = l.id
		input, err := token.SigningString()
		if err != nil {
			t.Fatal(err)
		}
		signature, err := own.AppendSignature(nil, []byte(input))
		if err != nil {
			t.Fatal(err)
		}
		return input + "." + base64.RawURLEncoding.EncodeToString(signature)
	}
	signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(l.key)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// unsigned returns an access token with the algorithm none.
func unsigned(t *testing.T) string {
	t.Helper()
	signed, err := jwt.NewWithClaims(jwt.SigningMethodNone, jwt.MapClaims{
		"identity": "ana@example.com",
		"type":     0,
		"fresh":    true,
		"exp":      time.Now().Add(time.Hour).Unix(),
	}).SignedString(jwt.UnsafeAllowNoneSignatureType)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// other returns a login whose keys are others with the same names.
func (l login) other(t *testing.T) login {
	t.Helper()
	if l.id != "" {
		return withKeys(t)
	}
	l.key = []byte("another secret for tests only, not for anything else")
	return l
}
