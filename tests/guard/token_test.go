//go:build linux

package guard

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"maps"
	"net/http"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"kalsel.dev/refresh/tests/server"
)

var client = &http.Client{Timeout: 20 * time.Second}

// signed returns a token of a login, with these claims beside the usual ones.
func signed(t *testing.T, more map[string]any) string {
	t.Helper()
	claims := jwt.MapClaims{
		"identity": "me@example.com",
		"iat":      time.Now().Unix(),
		"exp":      time.Now().Add(time.Hour).Unix(),
	}
	maps.Copy(claims, more)
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(server.Secret))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// post sends a refresh token to the first node, again if the node is busy, and returns the body of
// the answer.
func (w *world) post(path, token string, want int) (answer struct {
	AccessToken string `json:"access_token"`
}) {
	w.t.Helper()
	body, err := json.Marshal(map[string]string{"refresh_token": token})
	if err != nil {
		w.t.Fatal(err)
	}
	url := w.nodes[0].URL + path
	w.nodes[0].Await(w.t, "an answer of "+path, func() bool {
		response, err := client.Post(url, "application/json", bytes.NewReader(body))
		if err != nil {
			return false
		}
		defer response.Body.Close()
		if response.StatusCode == http.StatusOK {
			err = json.NewDecoder(response.Body).Decode(&answer)
		}
		return err == nil && response.StatusCode == want
	})
	return answer
}

func newToken(t *testing.T) string {
	t.Helper()
	return signed(t, map[string]any{"type": 1, "jti": rand.Text()})
}

func (w *world) refreshed(token string) string {
	w.t.Helper()
	return w.post("/api/v1/refresh", token, http.StatusOK).AccessToken
}

func (w *world) revoke(token string) {
	w.t.Helper()
	w.post("/api/v1/revoke", token, http.StatusNoContent)
}
