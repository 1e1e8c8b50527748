package gateways

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"kalsel.dev/refresh/tests/server"
)

const identity = "märy%40@example.com"

// signed returns a token of a login: an access token with type 0, a refresh token with type 1.
func signed(t testing.TB, kind int, more jwt.MapClaims) string {
	t.Helper()
	claims := jwt.MapClaims{
		"identity": identity,
		"type":     kind,
		"jti":      rand.Text(),
		"iat":      time.Now().Add(-time.Hour).Unix(),
		"exp":      time.Now().Add(time.Hour).Unix(),
	}
	maps.Copy(claims, more)
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).
		SignedString([]byte(server.Secret))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// post sends a refresh token to refreshd itself, and returns the access token of the answer.
func (p *place) post(path, refreshToken string, want int) string {
	p.t.Helper()
	body, err := json.Marshal(map[string]string{"refresh_token": refreshToken})
	if err != nil {
		p.t.Fatal(err)
	}
	answer, err := p.client.Post(p.refreshd+path, "application/json", bytes.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	defer answer.Body.Close()
	var tokens struct {
		AccessToken string `json:"access_token"`
	}
	if want == http.StatusOK {
		err = json.NewDecoder(answer.Body).Decode(&tokens)
	}
	if err != nil || answer.StatusCode != want {
		p.t.Fatalf("%s answers %d, %v; want %d", path, answer.StatusCode, err, want)
	}
	return tokens.AccessToken
}

// call sends a request through the gateway and returns the answer with its body. It checks that the
// API was asked if and only if reaches is true.
func (p *place) call(
	method, path, body string, header http.Header, reaches bool,
) (*http.Response, string) {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), method, p.url, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	r.URL.Opaque = path // as it is written
	if strings.HasPrefix(path, "//") {
		r.URL.Opaque = "//" + r.URL.Host + path
	}
	r.Header = header
	p.asked.Store(nil)
	answer, err := p.client.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	if asked := p.asked.Load() != nil; asked != reaches {
		p.t.Errorf("%s %s: the API was asked: %t, want %t (%d %s)",
			method, path, asked, reaches, answer.StatusCode, text)
	}
	return answer, string(text)
}

func bearer(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

// wants checks the status of GET path with an access token.
func (p *place) wants(status int, path, token string) *http.Response {
	p.t.Helper()
	answer, text := p.call(http.MethodGet, path, "", bearer(token), status == http.StatusOK)
	if answer.StatusCode != status {
		p.t.Errorf("%s: %d %s, want %d", path, answer.StatusCode, text, status)
	}
	return answer
}

// envelope checks that the body of a refusal is the envelope.
func (p *place) envelope(answer *http.Response, text string) {
	p.t.Helper()
	var e struct {
		Status         int
		Message, Error string
		Causes         []string
	}
	err := json.Unmarshal([]byte(text), &e)
	full := e.Message != "" && e.Error != "" && len(e.Causes) > 0
	if err != nil || e.Status != answer.StatusCode || !full {
		p.t.Errorf("%d with the body %q, want the envelope", answer.StatusCode, text)
	}
	if kind := answer.Header.Get("Content-Type"); !strings.HasPrefix(kind, "application/json") {
		p.t.Errorf("Content-Type: %q", kind)
	}
}
