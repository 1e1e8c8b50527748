//go:build linux

package ha

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"kalsel.dev/refresh/tests/server"
)

var client = &http.Client{
	Timeout:   20 * time.Second,
	Transport: &http.Transport{MaxIdleConnsPerHost: 512},
}

// answer is a server's answer; the status is 0 if there was none.
type answer struct {
	status       int
	refreshToken string
	body         string
}

func (a answer) String() string { return fmt.Sprintf("%d %s", a.status, a.body) }

func (n *node) refresh(token string) answer { return post(n.URL+"/api/v1/refresh", token) }

func (n *node) revoke(token string) answer { return post(n.URL+"/api/v1/revoke", token) }

func post(url, token string) answer {
	body := strings.NewReader(`{"refresh_token":"` + token + `"}`)
	resp, err := client.Post(url, "application/json", body)
	if err != nil {
		return answer{}
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{}
	}
	var fields struct {
		Refresh string `json:"refresh_token"`
	}
	if resp.StatusCode == http.StatusOK && json.Unmarshal(text, &fields) != nil {
		return answer{}
	}
	if resp.StatusCode == http.StatusOK {
		text = nil // tokens
	}
	return answer{status: resp.StatusCode, refreshToken: fields.Refresh, body: string(text)}
}

// login returns the refresh token of a new session.
func login() string {
	signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"identity": "ana@example.com",
		"type":     1,
		"jti":      rand.Text(),
		"iat":      time.Now().Add(-time.Minute).Unix(),
		"exp":      time.Now().Add(30 * 24 * time.Hour).Unix(),
	}).SignedString([]byte(server.Secret))
	if err != nil {
		panic(err) // HMAC over plain values cannot fail
	}
	return signed
}
