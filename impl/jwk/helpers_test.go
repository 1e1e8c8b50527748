package jwk_test

import (
	"encoding/base64"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/jwk"
)

const secret = "a secret of thirty-two bytes ...."

func now() time.Time { return time.Unix(1_611_000_000, 0) }

func must[T any](t testing.TB, v T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func encode(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func newKey(t testing.TB, id, algorithm string, material any) *jwk.Key {
	key, err := jwk.NewKey(jwk.Spec{ID: id, Algorithm: algorithm, Material: material})
	return must(t, key, err)
}

func keySet(t testing.TB, keys ...*jwk.Key) *jwk.Set {
	set, err := jwk.NewSet(keys...)
	return must(t, set, err)
}
