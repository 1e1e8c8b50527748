package operate

import (
	"net/http"
	"strings"
	"testing"
	"time"

	wiring "kalsel.dev/refresh/impl/service"
)

// TestEvents: administration, key changes, delayed refreshes and repeated revocations have lines
// that name the actor and the cause.
func TestEvents(t *testing.T) {
	d := deploy(t, wiring.Settings{
		Store:       "sqlite::memory:",
		AdminMaxAge: wiring.Duration(time.Hour),
		Rotation:    true,
	})
	const revocations = "/api/v1/admin/revocations"
	t.Run("administration", func(t *testing.T) {
		d.call(t, http.MethodGet, "/api/v1/sessions?identity=bob", d.admin(t), nil)
		d.call(t, http.MethodGet, revocations, d.admin(t), nil)
		list := d.events(t, "administration")
		if len(list) != 2 || list[0].text("cause") != "list_sessions" ||
			list[0].text("identity") != "bob" || list[0].text("actor") != "admin:eve" ||
			list[1].text("cause") != "list_revocations" {
			t.Errorf("got %v", list)
		}
	})
	t.Run("administration refused", func(t *testing.T) {
		user := d.sign(t, "old", claims{"type": 0, "fresh": true, "exp": d.now().Unix() + 600})
		if status, _ := d.call(t, http.MethodGet, revocations, user, nil); status != 403 {
			t.Fatalf("got %d", status)
		}
		list := d.events(t, "administration_refused")
		if len(list) != 1 || list[0].text("cause") != "not_administrator" ||
			list[0].text("actor") != "user:ana" {
			t.Errorf("got %v", list)
		}
	})
	t.Run("revocations", func(t *testing.T) {
		body := map[string]string{"refresh_token": d.begin(t, nil)}
		for range 2 {
			time.Sleep(2 * time.Millisecond) // the second one is made at another time
			if status, _ := d.call(t, http.MethodPost, "/api/v1/revoke", "", body); status != 204 {
				t.Fatalf("got %d", status)
			}
		}
		list := d.events(t, "revocation")
		if len(list) != 2 || list[0].text("cause") != "session" || list[1].text("cause") != "already" ||
			list[0].text("actor") != "client" || list[0].text("client") != "127.0.0.1" ||
			list[0].text("request_id") == "" {
			t.Errorf("got %v", list)
		}
	})
	t.Run("delayed", func(t *testing.T) {
		early := d.sign(t, "old", claims{"nbf": d.now().Unix() + 300})
		if status, _ := d.refresh(t, early); status != http.StatusServiceUnavailable {
			t.Fatalf("got %d", status)
		}
		list := d.events(t, "refresh_delayed")
		if len(list) != 1 || list[0].text("cause") != "early" || list[0].text("identity") != "ana" {
			t.Errorf("got %v", list)
		}
	})
	t.Run("keys", func(t *testing.T) {
		d.writeKeys(t, "newest", "old")
		d.keys.Reload()
		list := d.events(t, "keys_changed")
		const want = "added: newest; removed: new; signs: newest"
		if len(list) != 1 || list[0].text("cause") != "own" || list[0].text("detail") != want {
			t.Errorf("got %v", list)
		}
	})
	if strings.Contains(d.audit.String(), "eyJ") {
		t.Error("a token is in the audit stream")
	}
}
