package fake

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"kalsel.dev/refresh/impl/login"
	"kalsel.dev/refresh/impl/problem"
)

// loginBody is the body of POST /fake/login. All fields are optional.
type loginBody struct {
	Identity string `json:"identity"`
	Name     string `json:"name"`
	Admin    bool   `json:"is_admin"`
	// Claims are further claims of both tokens. They can replace the claims that the fake sets.
	Claims map[string]json.RawMessage `json:"claims"`
	// Limit is the lifetime of the access token in minutes.
	Limit int `json:"limit"`
	// RefreshSeconds is the lifetime of the refresh token. If it is negative, the token has
	// expired.
	RefreshSeconds int64 `json:"refresh_seconds"`
}

// login implements POST /fake/login. It asks for no password.
func (s *server) login(w http.ResponseWriter, r *http.Request) {
	in := loginBody{
		Identity:       "demo@example.com",
		Name:           "Demo",
		Limit:          10,
		RefreshSeconds: 30 * 24 * 3600,
	}
	if !readJSON(w, r, &in) {
		return
	}
	seconds := max(in.RefreshSeconds, -in.RefreshSeconds)
	if max(in.Limit, -in.Limit) > century/60 || seconds > century {
		badRequest(w, "limit, refresh_seconds: must be less than a century")
		return
	}
	user := login.Token{Identity: in.Identity, Name: in.Name, Admin: in.Admin}
	for name, value := range in.Claims {
		user.Claims = append(user.Claims, login.Claim{Name: name, Value: value})
	}
	access := time.Duration(in.Limit) * time.Minute
	refresh := time.Duration(in.RefreshSeconds) * time.Second
	signed, err := user.Pair(s.config.Keys, s.config.Rules, s.clock(), access, refresh)
	if err != nil {
		badRequest(w, "body: the claims cannot be signed")
		return
	}
	writeJSON(w, struct {
		AccessToken  string `json:"access_token"`
		Expired      int64  `json:"expired"` // Unix seconds
		RefreshToken string `json:"refresh_token"`
	}{signed.AccessToken, signed.Expires, signed.RefreshToken})
}

// me implements GET /fake/me, an operation of an API that needs an access token.
func (s *server) me(w http.ResponseWriter, r *http.Request) {
	raw, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	now := s.clock()
	t, err := s.verifier.Access(raw, now)
	if err != nil {
		problem.Write(w, problem.OfAccessToken(err))
		return
	}
	writeJSON(w, struct {
		Identity string `json:"identity"`
		Admin    bool   `json:"is_admin"`
		Fresh    bool   `json:"fresh"`
		Left     int64  `json:"seconds_left"`
	}{t.Identity, t.Admin, t.Fresh, t.Expires - now.Unix()})
}
