package identity

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// TestUpToDate: the claims of the answer stand in the access token alone, and a claim that the
// answer lacks is gone. The refresh token stays reproducible.
func TestUpToDate(t *testing.T) {
	t.Parallel()
	for mode, args := range modes() {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			d := deploy(t, args...)
			token := login(t, "ana", map[string]any{"is_admin": true, "scope": "read"})
			d.set(t, "ana",
				`{"claims":{"role":"new","level":7,"exp":1,"scope":"all","identity":"eve"}}`)
			first := d.refresh(t, token)
			first.wants(t, http.StatusOK)
			got := claims(t, first.Access)
			if got["role"] != "new" || got["level"] != 7.0 || got["is_admin"] != nil ||
				got["scope"] != "read" || got["identity"] != "ana" || got["exp"] == 1.0 {
				t.Errorf("the access token has %v", got)
			}
			d.logs(t, `"claims":"exp, scope, identity"`) // the claims that cannot be changed
			if mode == "stateless" {
				return
			}
			d.set(t, "ana", `{"claims":{"role":"newer"}}`)
			second := d.refresh(t, token) // as if the answer had been lost
			second.wants(t, http.StatusOK)
			successor := claims(t, first.Refresh)
			if second.Refresh != first.Refresh || successor["role"] != "old" ||
				successor["is_admin"] != true || claims(t, second.Access)["role"] != "newer" {
				t.Errorf("the successor is not reproducible: %v, then %v", successor,
					claims(t, second.Refresh))
			}
			d.refresh(t, first.Refresh).wants(t, http.StatusOK)
		})
	}
}

// TestGone: 404 and 410 revoke the session, 403 logs out one client only.
func TestGone(t *testing.T) {
	t.Parallel()
	for mode, args := range modes() {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			d := deploy(t, args...)
			for _, status := range []string{"404", "410"} {
				identity := "gone." + status
				token := login(t, identity, nil)
				d.refresh(t, token).wants(t, http.StatusOK)
				d.set(t, identity, `{"status":`+status+`}`)
				d.refresh(t, token).wants(t, http.StatusUnprocessableEntity)
				d.set(t, identity, `{"status":200}`)
				asked := len(d.questions(t, identity))
				refused := d.refresh(t, token)
				refused.wants(t, http.StatusUnprocessableEntity)
				if refused.Causes[0] != "token is revoked" ||
					len(d.questions(t, identity)) != asked {
					t.Errorf("%s: got %s; a revoked token asks the user service", status,
						refused.text)
				}
				d.refresh(t,
					login(t, identity, map[string]any{"jti": "later"})).wants(t, http.StatusOK)
			}
			for _, text := range []string{
				`"event":"revocation","cause":"session"`, `"actor":"user_service"`,
				`"event":"refresh_refused","cause":"identity_gone"`,
			} {
				d.logs(t, text)
			}
			token := login(t, "ben", nil)
			d.set(t, "ben", `{"status":403}`)
			d.refresh(t, token).wants(t, http.StatusUnprocessableEntity)
			d.set(t, "ben", `{"status":200}`)
			d.refresh(t, token).wants(t, http.StatusOK)
			d.logs(t, `"event":"refresh_refused","cause":"not_allowed"`)
		})
	}
}

// TestGoneLimit: an answer that would log everybody out is an alarm, and revokes nothing.
func TestGoneLimit(t *testing.T) {
	t.Parallel()
	d := deploy(t, "--identity-gone-limit=2", "--identity-on-failure=keep")
	wants := func(identity string, status int) {
		t.Helper()
		d.refresh(t, login(t, identity, nil)).wants(t, status)
	}
	for _, identity := range []string{"a", "b", "c"} {
		d.set(t, identity, `{"status":404}`)
	}
	wants("a", http.StatusUnprocessableEntity)
	wants("b", http.StatusUnprocessableEntity)
	wants("c", http.StatusServiceUnavailable)
	d.series(t, `refreshd_alarms_total{alarm="identity_gone_limit"} 1`)
	d.series(t, `refreshd_identity_failures_total{reason="gone_limit"} 1`)
	d.logs(t, `"event":"alarm","cause":"identity_gone_limit"`)
	d.set(t, "c", `{"status":200}`)
	wants("c", http.StatusOK)
	for identity, status := range map[string]int{"d": 422, "e": 422} {
		d.set(t, identity, `{"status":403}`)
		wants(identity, status)
		wants(identity, status) // the same client counts once
	}
	d.set(t, "f", `{"status":403}`)
	wants("f", http.StatusServiceUnavailable)
}

// TestOAuth: the OAuth operation asks the user service too, and the scope of a client stays narrow.
func TestOAuth(t *testing.T) {
	t.Parallel()
	d := deploy(t, "--rotation")
	token := login(t, "ana", map[string]any{"scope": "read write", "client_id": "web"})
	d.set(t, "ana", `{"claims":{"role":"new","scope":"read write all","client_id":"evil"}}`)
	grant := func(scope string) (int, map[string]any) {
		t.Helper()
		form := url.Values{
			"grant_type":    {"refresh_token"},
			"refresh_token": {token},
			"client_id":     {"web"},
			"scope":         {scope},
		}
		status, _, text := send(t, http.MethodPost, d.URL+"/oauth2/token",
			"application/x-www-form-urlencoded", form.Encode())
		var got map[string]any
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Fatal(err)
		}
		return status, got
	}
	status, got := grant("read")
	if status != http.StatusOK || got["scope"] != "read" {
		t.Fatalf("got %d %v", status, got)
	}
	access := claims(t, got["access_token"].(string))
	if access["scope"] != "read" || access["role"] != "new" || access["client_id"] != "web" {
		t.Errorf("the access token has %v", access)
	}
	d.next(t, "ana", "500", 0)
	if status, got := grant("read"); status != http.StatusServiceUnavailable {
		t.Errorf("user service fails: got %d %v", status, got)
	}
	d.set(t, "ana", `{"status":404}`)
	status, got = grant("read")
	if status != http.StatusBadRequest || got["error"] != "invalid_grant" {
		t.Errorf("no such user: got %d %v", status, got)
	}
}

// TestCorrelation: the user service receives the request ID and the trace of the client's request.
func TestCorrelation(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	body := `{"refresh_token":"` + login(t, "ana", nil) + `"}`
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.URL+"/api/v1/refresh",
		strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Traceparent", "00-"+trace+"-00f067aa0ba902b7-01")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	asked := d.questions(t, "ana")
	if len(asked) != 1 || asked[0].RequestID != answer.Header.Get("X-Request-Id") ||
		!strings.HasPrefix(asked[0].Traceparent, "00-"+trace+"-") || len(asked[0].Session) != 64 {
		t.Errorf("got %+v, want the request ID %s", asked, answer.Header.Get("X-Request-Id"))
	}
}
