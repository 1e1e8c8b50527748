package guard

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/prometheus/client_golang/prometheus"

	"kalsel.dev/refresh/tests/server"
)

// TestHandler: Handler, RequireFresh, RequireAdmin and RequireSession with each kind of token.
func TestHandler(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	_, refreshed := p.session()
	done := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if CallerOf(r.Context()).Identity != "ana@example.com" {
			t.Error("the caller is not known")
		}
		w.WriteHeader(http.StatusNoContent)
	})
	plain := signed(t, 0, nil)
	fresh := signed(t, 0, jwt.MapClaims{"fresh": true})
	admin := signed(t, 0, jwt.MapClaims{"is_admin": true})
	for _, c := range []struct {
		name  string
		next  http.Handler
		token string
		want  int
	}{
		{"plain", done, plain, 204},
		{"no token", done, "", 401},
		{"refresh token", done, signed(t, 1, nil), 401},
		{"expired", done, signed(t, 0, jwt.MapClaims{"exp": time.Now().Unix() - 1}), 401},
		{"clock ahead", done, signed(t, 0, jwt.MapClaims{"iat": time.Now().Unix() + 300}), 503},
		{"RequireFresh: fresh", RequireFresh(done), fresh, 204},
		{"RequireFresh: plain", RequireFresh(done), plain, 403},
		{"RequireFresh: refreshed", RequireFresh(done), refreshed, 403},
		{"RequireAdmin: admin", RequireAdmin(done), admin, 204},
		{"RequireAdmin: plain", RequireAdmin(done), plain, 403},
		{"RequireSession: refreshed", RequireSession(done), refreshed, 204},
		{"RequireSession: plain", RequireSession(done), plain, 403},
	} {
		w := ask(p.guard.Handler(c.next), c.token)
		if w.Code != c.want {
			t.Errorf("%s: %d %s, want %d", c.name, w.Code, w.Body, c.want)
		}
		if challenge := w.Header().Get("WWW-Authenticate"); (challenge != "") != (w.Code == 401) {
			t.Errorf("%s: WWW-Authenticate %q with %d", c.name, challenge, w.Code)
		}
		var envelope struct{ Status int }
		if w.Code == 204 {
			continue
		}
		if err := json.Unmarshal(w.Body.Bytes(), &envelope); err != nil || envelope.Status != w.Code {
			t.Errorf("%s: %s, %v", c.name, w.Body, err)
		}
	}
	if w := ask(RequireFresh(done), fresh); w.Code != 403 {
		t.Errorf("RequireFresh without Handler: %d, want 403", w.Code)
	}
}

// TestAllowStale: a guard that may be stale goes on, counts that, and still rejects the tokens of
// the revocations that it knows.
func TestAllowStale(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	p := newPlace(t, func(c *Config) { c.AllowStale, c.Registerer = true, registry })
	refresh, revoked := p.session()
	p.revoke(refresh)
	p.await("the revocation", func() bool { return p.check(revoked) != nil })
	p.hold()
	p.clock.pass(time.Hour / 2)
	if err := p.check(signed(t, 0, nil)); err != nil {
		t.Error(err)
	}
	if p.check(revoked) == nil {
		t.Error("the token of a revoked session is accepted")
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			name := family.GetName()
			for _, label := range m.GetLabel() {
				name += " " + label.GetValue()
			}
			got[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	if got["refreshd_guard_checks_total passed_stale"] != 2 {
		t.Errorf("passed_stale: %v, want 2", got)
	}
	if got["refreshd_guard_checks_total revoked"] < 2 || got["refreshd_guard_revocations"] < 1 ||
		got["refreshd_guard_age_seconds"] < 1800 {
		t.Errorf("metrics: %v", got)
	}
}

// TestIssuerAndAudience: if they are set, a token needs both.
func TestIssuerAndAudience(t *testing.T) {
	t.Parallel()
	p := newPlace(t, func(c *Config) { c.Issuer, c.Audience = "login", "orders" })
	for _, c := range []struct {
		name   string
		claims jwt.MapClaims
		want   bool
	}{
		{"both", jwt.MapClaims{"iss": "login", "aud": []string{"users", "orders"}}, true},
		{"neither", nil, false},
		{"another issuer", jwt.MapClaims{"iss": "x", "aud": "orders"}, false},
		{"another audience", jwt.MapClaims{"iss": "login", "aud": "users"}, false},
	} {
		if err := p.check(signed(t, 0, c.claims)); (err == nil) != c.want {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestConfig: settings that cannot be used are an error that names the setting.
func TestConfig(t *testing.T) {
	t.Parallel()
	valid := Config{
		Server:     "https://refresh.example.com",
		Credential: credential,
		Secret:     []byte(server.Secret),
	}
	for want, change := range map[string]func(*Config){
		"Server":                  func(c *Config) { c.Server = "refresh.example.com" },
		"Credential":              func(c *Config) { c.Credential = "name" },
		"MaxStale":                func(c *Config) { c.MaxStale = time.Millisecond },
		"Login":                   func(c *Config) { c.Login = "unknown" },
		"IdentityClaim":           func(c *Config) { c.IdentityClaim = "exp" },
		"RefreshClaim":            func(c *Config) { c.RefreshClaim = "use=refresh" }, // not with kalsel
		"setting Secret":          func(c *Config) { c.Secret = []byte("short") },
		"setting AccessSecret":    func(c *Config) { c.Secret, c.AccessSecret = nil, []byte("short") },
		"Secret and AccessSecret": func(c *Config) { c.AccessSecret = c.Secret },
	} {
		c := valid
		change(&c)
		if g, err := New(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v", want, g, err)
		}
	}
}

// TestRejectedCredential: if the server does not know the credential, the log says what to compare.
func TestRejectedCredential(t *testing.T) {
	t.Parallel()
	var log server.Log
	p := newPlace(t, nil)
	p.config.Credential = "api:another secret of more than 32 characters"
	p.config.Log = slog.New(slog.NewTextHandler(&log, nil))
	g, err := New(p.config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	p.await("the reason in the log", func() bool {
		return log.Contains("cannot be read") && log.Contains("401: check Credential") &&
			log.Contains("scope feed")
	})
	if _, err := g.Check(t.Context(), signed(t, 0, nil)); err == nil {
		t.Error("a guard that has never read the feed accepts a token")
	}
}
