//go:build linux

package chaos

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"kalsel.dev/refresh/tests/server"
)

// answer is a server's answer; the status is 0 if there was none.
type answer struct {
	status int
	header http.Header
	body   []byte
}

var client = &http.Client{
	Timeout:   20 * time.Second,
	Transport: &http.Transport{MaxIdleConnsPerHost: 16, DisableCompression: true},
}

func ask(method, url string, header http.Header, body any) answer {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			panic(err) // maps of strings can be written
		}
	}
	r, err := http.NewRequest(method, url, bytes.NewReader(text))
	if err != nil {
		return answer{}
	}
	r.Header = header
	got, err := client.Do(r)
	if err != nil {
		return answer{}
	}
	defer got.Body.Close()
	content, err := io.ReadAll(got.Body)
	if err != nil {
		return answer{}
	}
	return answer{got.StatusCode, got.Header, content}
}

func jsonHeader() http.Header { return http.Header{"Content-Type": {"application/json"}} }

func adminHeader() http.Header {
	h := jsonHeader()
	h.Set("Authorization", "Bearer "+sign(jwt.MapClaims{
		"identity": "admin@example.com",
		"is_admin": true,
		"fresh":    true,
		"type":     0,
		"jti":      rand.Text(),
		"iat":      time.Now().Unix(),
		"exp":      time.Now().Add(time.Hour).Unix(),
	}))
	return h
}

func (s *node) refresh(token string) answer {
	return s.post("/api/v1/refresh", map[string]any{"refresh_token": token, "limit": 10})
}

func (s *node) revoke(token string) answer {
	return s.post("/api/v1/revoke", map[string]any{"refresh_token": token})
}

// post counts an answer as lost if the process has ended: another server may have its port by now.
func (s *node) post(path string, body map[string]any) answer {
	a := ask(http.MethodPost, s.URL+path, jsonHeader(), body)
	if s.Ended() {
		return answer{}
	}
	return a
}

func (s *node) ready() answer { return ask(http.MethodGet, s.Operations+"/readyz", nil, nil) }

func sign(claims jwt.MapClaims) string {
	signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).
		SignedString([]byte(server.Secret))
	if err != nil {
		panic(err) // HMAC over plain values cannot fail
	}
	return signed
}

// newToken is a login's refresh token.
func newToken() string {
	return sign(jwt.MapClaims{
		"identity": "somebody@example.com",
		"name":     "Somebody",
		"is_admin": false,
		"type":     1,
		"jti":      rand.Text(),
		"iat":      time.Now().Add(-time.Hour).Unix(),
		"exp":      time.Now().Add(30 * 24 * time.Hour).Unix(),
	})
}

// mustRevoke revokes a session. After a 503 it tries again.
func mustRevoke(t *testing.T, s *node, token string) (tries int) {
	t.Helper()
	for deadline := time.Now().Add(
		server.Patience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		tries++
		switch a := s.revoke(token); a.status {
		case http.StatusNoContent:
			return tries
		case http.StatusServiceUnavailable, 0:
		default:
			t.Fatalf("revoke: %d %s", a.status, a.body)
		}
	}
	t.Fatal("revoke: gave up")
	return tries
}
