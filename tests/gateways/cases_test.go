package gateways

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

func TestGateways(t *testing.T) {
	t.Parallel()
	for name, start := range gateways() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := build(t, start, false)
			for _, c := range []struct {
				name string
				test func(*place)
			}{
				{"OK", accepted},
				{"headers of the client", headers},
				{"ErrUnauthorized", unauthorized},
				{"ErrForbidden", forbidden},
				{"other spellings of a path", spellings},
				{"answers of the API", answers},
				{"ErrRevoked", revoked},
				{"ErrUnavailable", unavailable}, // the last: refreshd is then away
			} {
				t.Run(c.name, func(t *testing.T) { p.t = t; c.test(p) })
			}
		})
	}
}

// accepted: the API receives the request whole, and learns of the user.
func accepted(p *place) {
	token := p.post("/api/v1/refresh", signed(p.t, 1, nil), http.StatusOK)
	body := strings.Repeat("0123456789", 5000)
	answer, text := p.call(http.MethodPost, "/things?a=b", body, bearer(token), true)
	if answer.StatusCode != http.StatusOK || text != "the API" {
		p.t.Fatalf("%d %s", answer.StatusCode, text)
	}
	asked := p.asked.Load()
	if asked.Method != http.MethodPost || asked.RequestURI != "/things?a=b" || asked.body != body {
		p.t.Errorf("%s %s with %d bytes", asked.Method, asked.RequestURI, len(asked.body))
	}
	if got := asked.Header.Get("X-Auth-Identity"); got != "m%C3%A4ry%2540@example.com" {
		p.t.Errorf("X-Auth-Identity: %q", got)
	}
	if got := asked.Header.Get("X-Auth-Claims"); got != "-" {
		p.t.Errorf("X-Auth-Claims: %q, want -", got)
	}
	if got := asked.Header.Get("X-Auth-Session"); len(got) < 32 {
		p.t.Errorf("X-Auth-Session: %q", got)
	}
}

// headers: no header of the client takes the place of one of refreshd, in no spelling.
func headers(p *place) {
	header := bearer(signed(p.t, 0, nil))
	spelt := []string{"X-Auth-", "X_Auth_", "X-Auth_", "X_Auth-", "x_auth_", "x-AUTH_"}
	for _, name := range []string{"Identity", "Session", "Claims", "Other"} {
		for _, prefix := range spelt {
			header[prefix+name] = []string{"root", "root"}
		}
	}
	p.call(http.MethodGet, "/things", "", header, true)
	if p.asked.Load() == nil {
		return
	}
	received := 0
	for name, values := range p.asked.Load().Header {
		plain := strings.ReplaceAll(strings.ToLower(name), "_", "-")
		known := slices.Contains([]string{"x-auth-identity", "x-auth-session",
			"x-auth-claims"}, plain)
		if known && (len(values) != 1 || values[0] == "root" || strings.Contains(name, "_")) {
			p.t.Errorf("%s: %q", name, values)
		}
		if known {
			received++
		}
	}
	if received != 3 {
		p.t.Errorf("the API receives %d headers, want three", received)
	}
}

// unauthorized: a newer nginx rejects two Authorization headers itself, with 400.
func unauthorized(p *place) {
	past := time.Now().Add(-time.Minute).Unix()
	two := "two tokens"
	for name, header := range map[string]http.Header{
		"no token":      {},
		"no JWT":        bearer("x"),
		"refresh token": bearer(signed(p.t, 1, nil)),
		"expired":       bearer(signed(p.t, 0, jwt.MapClaims{"exp": past})),
		"cookie":        {"Cookie": {"access_token=" + signed(p.t, 0, nil)}},
		two:             {"Authorization": {"Bearer " + signed(p.t, 0, nil), "Bearer x"}},
	} {
		answer, text := p.call(http.MethodPost, "/things", "a body", header, false)
		if answer.StatusCode == http.StatusBadRequest && name == two {
			continue
		}
		if answer.StatusCode != http.StatusUnauthorized {
			p.t.Errorf("%s: %d %s", name, answer.StatusCode, text)
		}
		challenges := answer.Header.Values("WWW-Authenticate")
		if len(challenges) != 1 || !strings.HasPrefix(challenges[0], "Bearer") {
			p.t.Errorf("%s: WWW-Authenticate: %q", name, challenges)
		}
		p.envelope(answer, text)
	}
}

func forbidden(p *place) {
	fresh := signed(p.t, 0, jwt.MapClaims{"fresh": true})
	admin := signed(p.t, 0, jwt.MapClaims{"is_admin": true})
	p.wants(http.StatusForbidden, "/account/password", admin)
	p.wants(http.StatusOK, "/account/password", fresh)
	p.wants(http.StatusForbidden, "/admin/users", fresh)
	p.wants(http.StatusOK, "/admin/users", admin)
	answer, text := p.call(http.MethodGet, "/admin", "", bearer(fresh), false)
	p.envelope(answer, text)
}

// spellings: an access token that is not fresh reaches no path that an API could take for the one
// that needs a fresh token.
func spellings(p *place) {
	token := signed(p.t, 0, nil)
	for _, path := range []string{
		"/account/%70assword", "/account//password", "//account/password", "/x/../account/password",
		"/account/./password", "/account%2Fpassword", "/x/%2e%2e/account/password",
		"/account/password/", "/account/password?a=b",
	} {
		answer, text := p.call(http.MethodGet, path, "", bearer(token), false)
		if s := answer.StatusCode; s < 300 || s >= 500 {
			p.t.Errorf("%s: %d %s", path, s, text)
		}
	}
}

// answers: the API's own answers pass as they are.
func answers(p *place) {
	for _, status := range []string{"401", "403", "404", "429", "500", "503"} {
		header := bearer(signed(p.t, 0, nil))
		header.Set("X-Wanted", status)
		answer, text := p.call(http.MethodGet, "/things", "", header, true)
		if !strings.HasPrefix(answer.Status, status) || text != "the API" {
			p.t.Errorf("the API's %s becomes %d %q", status, answer.StatusCode, text)
		}
	}
}

// revoked: a logout reaches the access token that a refresh made.
func revoked(p *place) {
	refreshToken := signed(p.t, 1, nil)
	token := p.post("/api/v1/refresh", refreshToken, http.StatusOK)
	p.wants(http.StatusOK, "/things", token)
	p.post("/api/v1/revoke", refreshToken, http.StatusNoContent)
	p.wants(http.StatusUnauthorized, "/things", token)
}

// unavailable: a client that is to wait learns so, and for how long.
func unavailable(p *place) {
	for _, status := range []int{http.StatusTooManyRequests, http.StatusServiceUnavailable} {
		answer := p.wants(status, "/things", strconv.Itoa(status))
		if got := answer.Header.Get("Retry-After"); got != "7" {
			p.t.Errorf("%d with Retry-After %q, want 7", status, got)
		}
	}
	p.away.Store(true)
	answer, text := p.call(http.MethodGet, "/things", "", bearer(signed(p.t, 0, nil)), false)
	if answer.StatusCode != http.StatusServiceUnavailable ||
		answer.Header.Get("Retry-After") == "" {
		p.t.Errorf("without refreshd: %d %v", answer.StatusCode, answer.Header)
	}
	p.envelope(answer, text)
}
