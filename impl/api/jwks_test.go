package api_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"kalsel.dev/refresh/impl/api"
	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/impl/store"
)

// keyServer publishes the keys of a set.
func keyServer(t *testing.T, set *jwk.Set) http.Handler {
	db, err := store.Open(t.Context(), "sqlite::memory:")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	logger := slog.New(slog.DiscardHandler)
	h, err := api.New(api.Config{
		Sessions:   session.New(session.Config{Keys: set, Store: db, Now: time.Now, Log: logger}),
		Registry:   prometheus.NewRegistry(),
		PublicKeys: func() ([]byte, error) { return set.MarshalPublic(time.Now()) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func keys(t *testing.T, algorithms ...string) *jwk.Set {
	var all []*jwk.Key
	for _, alg := range algorithms {
		key, err := jwk.GenerateKey(alg, "id of "+alg)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, key)
	}
	set, err := jwk.NewSet(all...)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func getKeys(h http.Handler, known ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "/.well-known/jwks.json", nil)
	for _, etag := range known {
		r.Header.Add("If-None-Match", etag)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// TestKeysArePublishedWithoutSecrets: of each kind of key the members are exactly those of its
// public half.
func TestKeysArePublishedWithoutSecrets(t *testing.T) {
	w := getKeys(keyServer(t, keys(t, "HS256", "EdDSA", "ES256", "ES384", "RS256", "HS512")))
	var got struct{ Keys []map[string]any }
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusOK {
		t.Fatalf("%d %v: %s", w.Code, err, w.Body)
	}
	want := []string{
		"alg crv kid kty use x",
		"alg crv kid kty use x y",
		"alg crv kid kty use x y",
		"alg e kid kty n use",
	}
	if len(got.Keys) != len(want) {
		t.Fatalf("%d keys, want %d: %s", len(got.Keys), len(want), w.Body)
	}
	for i, key := range got.Keys {
		if names := strings.Join(sortedNames(key), " "); names != want[i] {
			t.Errorf("key %d has %s, want %s", i, names, want[i])
		}
	}
}

func TestSecretsAreAnEmptySet(t *testing.T) {
	secretSet, err := jwk.SecretSet([]byte(secret), false)
	if err != nil {
		t.Fatal(err)
	}
	for name, h := range map[string]http.Handler{
		"a plain secret":     keyServer(t, secretSet),
		"nothing to publish": newServer(t, time.Now, io.Discard),
	} {
		w := getKeys(h)
		compact := strings.Join(strings.Fields(w.Body.String()), "")
		if w.Code != http.StatusOK || compact != `{"keys":[]}` {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}

func TestKeysAreCached(t *testing.T) {
	h := keyServer(t, keys(t, "EdDSA"))
	first := getKeys(h)
	etag := first.Header().Get("ETag")
	const cached = "public, max-age=300"
	if len(etag) < 10 || etag[0] != '"' || first.Header().Get("Cache-Control") != cached {
		t.Fatalf("headers %v", first.Header())
	}
	for known, want := range map[string]int{
		etag: 304, "W/" + etag: 304, `"other", ` + etag: 304, "*": 304,
		`"other"`: 200, strings.Trim(etag, `"`): 200, "": 200, etag[:len(etag)-1]: 200,
	} {
		w := getKeys(h, known)
		header, size := w.Header(), w.Body.Len()
		if w.Code != want || (size > 0) != (want == 200) ||
			header.Get("ETag") != etag || header.Get("Cache-Control") != cached {
			t.Errorf("If-None-Match %s: %d with %d bytes, want %d; %v", known, w.Code, size, want, header)
		}
	}
	if w := getKeys(h, etag, etag); w.Code != http.StatusBadRequest {
		t.Errorf("If-None-Match twice: %d", w.Code)
	}
	other := getKeys(keyServer(t, keys(t, "EdDSA")), etag)
	if other.Code != 200 || other.Header().Get("ETag") == etag {
		t.Error("other keys have the same ETag")
	}
}

func sortedNames(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }
