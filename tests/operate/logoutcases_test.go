package operate

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/session"
)

// revoked are the ways to revoke a session.
func revoked() []logout {
	administer := func(t *testing.T, d *deployment, body map[string]string) {
		t.Helper()
		status, answer := d.call(t, http.MethodPost, "/api/v1/admin/revocations", d.admin(t), body)
		if status != http.StatusOK {
			t.Fatalf("revoke: %d %s", status, answer)
		}
	}
	ownID := func(t *testing.T, raw string) string {
		t.Helper()
		return text(t, raw, "sid")
	}
	return []logout{
		{"logged out", func(t *testing.T, d *deployment) string {
			raw := d.begin(t, nil)
			body := map[string]string{"refresh_token": raw}
			if status, _ := d.call(t, http.MethodPost, "/api/v1/revoke", "", body); status != 204 {
				t.Fatalf("revoke: %d", status)
			}
			return raw
		}, "revoked", "client", ""},
		{"ended by an administrator", func(t *testing.T, d *deployment) string {
			raw := d.begin(t, nil)
			administer(t, d, map[string]string{"session": ownID(t, raw), "reason": "stolen phone"})
			return raw
		}, "revoked", "admin:eve", ""},
		{"ended from another device", func(t *testing.T, d *deployment) string {
			raw := d.begin(t, nil)
			access := d.sign(t, "old", claims{"type": 0, "exp": d.now().Unix() + 600})
			path := "/api/v1/sessions/" + ownID(t, raw)
			if status, _ := d.call(t, http.MethodDelete, path, access, nil); status != 204 {
				t.Fatalf("end the session: %d", status)
			}
			return raw
		}, "revoked", "user:ana", ""},
		{"ended by a command", func(t *testing.T, d *deployment) string {
			raw := d.begin(t, nil)
			id, err := revocation.ParseSessionID(ownID(t, raw))
			if err != nil {
				t.Fatal(err)
			}
			_, err = d.store.Revoke(t.Context(), revocation.Revocation{
				Kind:      revocation.OfSession,
				Session:   id,
				Actor:     session.ActorCLI + "root",
				RevokedAt: d.now().UnixMilli(),
				KeptUntil: revocation.Forever,
			})
			if err != nil {
				t.Fatal(err)
			}
			for { // until the node has read the feed
				if status, _ := d.refresh(t, raw); status != http.StatusOK {
					return raw
				}
			}
		}, "revoked", "cli:root", ""},
		{"signed out everywhere", func(t *testing.T, d *deployment) string {
			raw := d.begin(t, claims{"identity": "bob"})
			administer(t, d, map[string]string{"identity": "bob"})
			return raw
		}, "signed_out_everywhere", "admin:eve", ""},
		{"signed out everywhere, without iat", func(t *testing.T, d *deployment) string {
			return d.sign(t, "old", claims{"identity": "bob", "iat": nil})
		}, "undated", "admin:eve", ""},
		{"reused", func(t *testing.T, d *deployment) string {
			first := d.begin(t, claims{"identity": "carl"})
			d.forward(time.Minute)
			_, second := d.refresh(t, first)
			d.forward(time.Minute)
			if status, _ := d.refresh(t, second); status != http.StatusOK {
				t.Fatalf("rotate: %d", status)
			}
			return first
		}, "reused", "", ""},
		{"reused by a thief before", func(t *testing.T, d *deployment) string {
			first := d.begin(t, claims{"identity": "dora"})
			d.forward(time.Minute)
			_, second := d.refresh(t, first)
			d.forward(time.Minute)
			_, third := d.refresh(t, second)
			if status, _ := d.refresh(t, first); status != http.StatusUnprocessableEntity {
				t.Fatalf("reuse: %d", status)
			}
			return third
		}, "revoked", "reuse", ""},
	}
}

// rejected are the tokens that are wrong.
func rejected() []logout {
	signed := func(key string, given claims) func(*testing.T, *deployment) string {
		return func(t *testing.T, d *deployment) string { return d.sign(t, key, given) }
	}
	sent := func(raw string) func(*testing.T, *deployment) string {
		return func(*testing.T, *deployment) string { return raw }
	}
	header := func(header string) func(*testing.T, *deployment) string {
		return func(*testing.T, *deployment) string { return seal(header, []byte("{}"), secretOf("old")) }
	}
	far := map[string]any{"jkt": "x"}
	return []logout{
		{"another issuer", signed("old", claims{"iss": "https://other"}), "issuer", "", ""},
		{"no issuer", signed("old", claims{"iss": nil}), "issuer", "", "missing"},
		{"another audience", signed("old", claims{"aud": "shop"}), "audience", "", ""},
		{"an access token", signed("old", claims{"type": 0}), "not_refresh_token", "", "type is 0"},
		{"no type", signed("old", claims{"type": nil}), "not_refresh_token", "", "missing"},
		{"bound to a key", signed("old", claims{"cnf": far}), "bound_to_key", "", ""},
		{"no identity", signed("old", claims{"identity": nil}), "no_identity", "", ""},
		{"no expiry", signed("old", claims{"exp": nil}), "no_expiry", "", ""},
		{"a wrong type of claim", signed("old", claims{"jti": 7}), "malformed", "", "jti"},
		{"too long a life", signed("old", claims{"exp": 99999999999}), "max_lifetime", "", ""},
		{"far too early", func(t *testing.T, d *deployment) string {
			return d.sign(t, "old", claims{"nbf": d.now().Unix() + 3600})
		}, "not_yet_valid", "", ""},
		{"cut off", func(t *testing.T, d *deployment) string {
			raw := d.sign(t, "old", nil)
			return raw[:len(raw)-7]
		}, "signature", "", ""},
		{"cut off before the signature", func(t *testing.T, d *deployment) string {
			raw := d.sign(t, "old", nil)
			return raw[:strings.LastIndexByte(raw, '.')]
		}, "malformed", "", "cut off"},
		{"in quotes", sent(`"a.b.c"`), "malformed", "", "quotation marks"},
		{"an empty variable", sent("undefined"), "malformed", "", "variable"},
		{"alg none", header(`{"alg":"none","kid":"old"}`), "algorithm", "", ""},
		{"an extension", header(`{"alg":"HS256","kid":"old","crit":["x"]}`), "extension", "", ""},
		{"a key that was removed", func(t *testing.T, d *deployment) string {
			raw := d.sign(t, "new", nil)
			d.writeKeys(t, "old")
			d.keys.Reload()
			return raw
		}, "unknown_key", "", ""},
	}
}

// expired are the limits of time. They move the clock, so they come last.
func expired() []logout {
	return []logout{
		{"expired", func(t *testing.T, d *deployment) string {
			raw := d.sign(t, "old", nil)
			d.forward(31 * day)
			return raw
		}, "expired", "", ""},
		{"not used for too long", func(t *testing.T, d *deployment) string {
			raw := d.begin(t, nil)
			d.forward(21 * day)
			return raw
		}, "idle_lifetime", "", ""},
		{"the session is over", func(t *testing.T, d *deployment) string {
			raw := d.begin(t, nil)
			for range 4 {
				d.forward(15*day - time.Minute)
				var status int
				if status, raw = d.refresh(t, raw); status != http.StatusOK {
					t.Fatalf("rotate: %d", status)
				}
			}
			d.forward(day)
			return raw
		}, "session_lifetime", "", ""},
	}
}
