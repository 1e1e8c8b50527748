package logins

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"
)

// refreshd is the running service.
type refreshd struct {
	t   *testing.T
	url string
}

// redeem redeems a refresh token and returns the status and, if it is 200, both new tokens.
func (r refreshd) redeem(token string) (status int, next pair) {
	r.t.Helper()
	body := string(mustJSON(r.t, map[string]any{"refresh_token": token, "limit": 10}))
	status, text := exchange(r.t, http.MethodPost, r.url+"/api/v1/refresh", "", body)
	var answer struct {
		AccessToken  string `json:"access_token"`
		RefreshToken string `json:"refresh_token"`
	}
	if err := json.NewDecoder(bytes.NewBufferString(text)).Decode(&answer); err != nil {
		r.t.Fatalf("%d: %s", status, text)
	}
	return status, pair{answer.AccessToken, answer.RefreshToken}
}

// want redeems a refresh token and fails if the status is another one.
func (r refreshd) want(status int, token string) pair {
	r.t.Helper()
	got, next := r.redeem(token)
	if got != status {
		r.t.Fatalf("a refresh answered %d, want %d", got, status)
	}
	return next
}

// sessions returns the status of the list of sessions, asked for with a token, and the list.
func (r refreshd) sessions(token, query string) (status int, text string) {
	r.t.Helper()
	return exchange(r.t, http.MethodGet, r.url+"/api/v1/sessions"+query, token, "")
}

// revoke logs out with a refresh token.
func (r refreshd) revoke(token string) {
	r.t.Helper()
	body := string(mustJSON(r.t, map[string]string{"refresh_token": token}))
	status, text := exchange(r.t, http.MethodPost, r.url+"/api/v1/revoke", "", body)
	if status != http.StatusNoContent {
		r.t.Fatalf("the logout answered %d: %s", status, text)
	}
}
