package fake

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"kalsel.dev/refresh/impl/login"
	"kalsel.dev/refresh/impl/problem"
)

// who is the body of POST /fake/login. All of it is optional.
type who struct {
	Identity string `json:"identity"`
	Name     string `json:"name"`
	Admin    bool   `json:"is_admin"`
	// Claims are further claims of both tokens, and may replace those that the fake sets.
	Claims map[string]json.RawMessage `json:"claims"`
	// Limit is how many minutes the access token lives.
	Limit int `json:"limit"`
	// RefreshSeconds is how long the refresh token lives; a negative number gives one that has expired.
	RefreshSeconds int64 `json:"refresh_seconds"`
}

// pair is what a login gives.
type pair struct {
	AccessToken  string `json:"access_token"`
	Expired      int64  `json:"expired"` // Unix seconds
	RefreshToken string `json:"refresh_token"`
}

// login implements POST /fake/login: nobody is asked for a password.
func (s *server) login(w http.ResponseWriter, r *http.Request) {
	in := who{Identity: "demo@example.com", Name: "Demo", Limit: 10, RefreshSeconds: 30 * 24 * 3600}
	if !readJSON(w, r, &in) {
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
	writeJSON(w, pair{signed.AccessToken, signed.Expires, signed.RefreshToken})
}

// me implements GET /fake/me: what an endpoint that needs an access token does.
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
