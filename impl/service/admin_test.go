package service_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"kalsel.dev/refresh/impl/keys"
	"kalsel.dev/refresh/impl/login"
	"kalsel.dev/refresh/impl/service"
)

const secret = "a secret for tests only, not for anything else"

// server is a server in this process, with its log.
type server struct {
	*service.Service
	keys *keys.Source
	log  bytes.Buffer
}

func start(t *testing.T, settings service.Settings, now func() time.Time) *server {
	t.Helper()
	settings.Secret, settings.Store = secret, "sqlite::memory:"
	s := new(server)
	log := slog.New(slog.NewTextHandler(&s.log, nil))
	db, err := settings.OpenStore(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() }) // it is a store in memory
	if s.keys, err = settings.OpenKeys(now, log); err != nil {
		t.Fatal(err)
	}
	s.Service, err = service.New(service.Config{
		Development: true,
		Settings:    &settings,
		Keys:        s.keys,
		Store:       db,
		Log:         log,
		Now:         now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *server) sign(t *testing.T, l login.Token, now time.Time) string {
	t.Helper()
	raw, err := l.Sign(s.keys, (&service.Settings{}).Rules(), now)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// without returns the token raw without one of its claims.
func without(t *testing.T, claim, raw string) string {
	t.Helper()
	claims := jwt.MapClaims{}
	if _, _, err := jwt.NewParser().ParseUnverified(raw, claims); err != nil {
		t.Fatal(err)
	}
	delete(claims, claim)
	signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func (s *server) answer(method, path, access, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+access)
	w := httptest.NewRecorder()
	s.Public.ServeHTTP(w, r)
	return w
}

// A fresh token of an administrator may administer only for a while after the login.
func TestAdminMaxAge(t *testing.T) {
	user := login.Token{
		Identity: "root",
		Admin:    true,
		Access:   true,
		Fresh:    true,
		Lifetime: 400 * 24 * time.Hour,
	}
	for _, c := range []struct {
		name   string
		maxAge time.Duration
		age    time.Duration
		noIat  bool
		want   int
		cause  string
	}{
		{"OK: just in time", time.Hour, time.Hour, false, http.StatusOK, ""},
		{"ErrTooOld", time.Hour, time.Hour + time.Second, false, http.StatusForbidden,
			"the login was too long ago (--admin-max-age/REFRESH_ADMIN_MAX_AGE): log in again"},
		{"ErrTooOld by months", time.Hour, 300 * 24 * time.Hour, false, http.StatusForbidden,
			"the login was too long ago (--admin-max-age/REFRESH_ADMIN_MAX_AGE): log in again"},
		{"ErrNoIat", time.Hour, 0, true, http.StatusForbidden, "the access token has no iat: " +
			"without it, its age cannot be checked (--admin-max-age/REFRESH_ADMIN_MAX_AGE)"},
		{"OK: switched off", 0, 300 * 24 * time.Hour, false, http.StatusOK, ""},
		{"OK: switched off, without iat", 0, 0, true, http.StatusOK, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			now := time.Unix(1_800_000_000, 0)
			s := start(t, service.Settings{AdminMaxAge: service.Duration(c.maxAge)},
				func() time.Time { return now })
			access := s.sign(t, user, now.Add(-c.age))
			if c.noIat {
				access = without(t, "iat", access)
			}
			w := s.answer(http.MethodGet, "/api/v1/admin/revocations", access, "")
			var envelope struct{ Causes []string }
			if err := json.Unmarshal(w.Body.Bytes(), &envelope); err != nil {
				t.Fatal(err)
			}
			if w.Code != c.want || strings.Join(envelope.Causes, "|") != c.cause {
				t.Errorf("got %d %q, want %d %q", w.Code, envelope.Causes, c.want, c.cause)
			}
		})
	}
}

// The first refresh token without type is a warning, unless the claim is required.
func TestUntypedTokensAreLoggedOnce(t *testing.T) {
	s := start(t, service.Settings{}, time.Now)
	typed := s.sign(t, login.Token{Identity: "me", Lifetime: time.Hour}, time.Now())
	untyped := without(t, "type", typed)
	for _, raw := range []string{typed, untyped, untyped} {
		w := s.answer(http.MethodPost, "/api/v1/refresh", "", `{"refresh_token":"`+raw+`"}`)
		if w.Code != http.StatusOK {
			t.Fatalf("got %d %s", w.Code, w.Body)
		}
		if raw == typed && strings.Contains(s.log.String(), "has no type") {
			t.Errorf("logged for a token with type: %s", &s.log)
		}
	}
	const hint = `hint="--require-type/REFRESH_REQUIRE_TYPE is off: switch it on if the login ` +
		`service sets the claim type"`
	if got := strings.Count(s.log.String(), hint); got != 1 {
		t.Errorf("logged %d times, want once: %s", got, &s.log)
	}
}

// With a development key, a login at the playground can make an administrator.
func TestDevelopmentAdministrator(t *testing.T) {
	s := start(t, service.Settings{AdminMaxAge: service.Duration(time.Hour)}, time.Now)
	w := s.answer(http.MethodPost, "/playground/login", "",
		`{"identity":"root","is_admin":true,"access_seconds":60,"refresh_seconds":60}`)
	var tokens struct {
		Access string `json:"access_token"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &tokens); err != nil || w.Code != http.StatusOK {
		t.Fatalf("got %d %s: %v", w.Code, w.Body, err)
	}
	w = s.answer(http.MethodGet, "/api/v1/admin/revocations", tokens.Access, "")
	if w.Code != http.StatusOK {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	// Sessions are not stored without rotation. The answer names the setting.
	w = s.answer(http.MethodGet, "/api/v1/sessions", tokens.Access, "")
	if w.Code != http.StatusNotImplemented ||
		!strings.Contains(w.Body.String(), "--rotation/REFRESH_ROTATION") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}
