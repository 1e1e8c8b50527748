package service_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/login"
	"kalsel.dev/refresh/impl/service"
)

// A revocation that names no session and no identity, or that no store can keep, is 400 and revokes
// nothing.
func TestInvalidRevocation(t *testing.T) {
	s := start(t, service.Settings{
		MaxLifetime: service.Duration(365 * 24 * time.Hour),
		AdminMaxAge: service.Duration(time.Hour),
	}, time.Now)
	admin := s.sign(t, login.Token{
		Identity: "admin",
		Admin:    true,
		Access:   true,
		Fresh:    true,
		Lifetime: time.Hour,
	}, time.Now())
	const path = "/api/v1/admin/revocations"
	zeros := strings.Repeat("0", 64)
	for name, c := range map[string]struct{ body, cause string }{
		"session of zeros": {`{"session":"` + zeros + `"}`, "session: must be"},
		"empty identity":   {`{"identity":""}`, "identity: must have"},
		"NUL in the reason": {`{"identity":"me","reason":"a\u0000"}`,
			"without the character NUL"},
		"NUL in the identity": {`{"identity":"a\u0000"}`, "without the character NUL"},
	} {
		w := s.answer(http.MethodPost, path, admin, c.body)
		if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), c.cause) {
			t.Errorf("%s: %d %s, want 400 and %q", name, w.Code, w.Body, c.cause)
		}
	}
	w := s.answer(http.MethodGet, path, admin, "")
	if w.Code != http.StatusOK || strings.TrimSpace(w.Body.String()) != `{"revocations":[]}` {
		t.Errorf("the list: %d %s", w.Code, w.Body)
	}
}
