package operate

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	wiring "kalsel.dev/refresh/impl/service"
)

const day = 24 * time.Hour

// logout is one way in which users are sent to the login.
type logout struct {
	name string
	// end makes the refresh token that is refused.
	end          func(t *testing.T, d *deployment) string
	cause, actor string
	detail       string // a part of it, where the cause alone does not tell the case from others
}

// TestLogouts: each way in which users are logged out can be told from the line of the refused
// refresh alone.
func TestLogouts(t *testing.T) {
	eachStore(t, func(t *testing.T, url string) {
		d := deploy(t, wiring.Settings{
			Store:           url,
			Issuer:          "https://login.example",
			Audience:        "refresh",
			RequireType:     true,
			Rotation:        true,
			RotationWindow:  wiring.Duration(30 * time.Second),
			IdleLifetime:    wiring.Duration(20 * day),
			SessionLifetime: wiring.Duration(60 * day),
		})
		seen := map[string]string{}
		for _, c := range append(revoked(), append(rejected(), expired()...)...) {
			t.Run(c.name, func(t *testing.T) {
				raw := c.end(t, d)
				d.await(t)
				status, _ := d.refresh(t, raw)
				if status != http.StatusUnprocessableEntity && status != http.StatusMisdirectedRequest {
					t.Fatalf("the user is still logged in: %d", status)
				}
				e := d.await(t)
				if e.text("cause") != c.cause || e.text("actor") != c.actor ||
					!strings.Contains(e.text("detail"), c.detail) {
					t.Errorf("got %v, want cause %q, actor %q, detail %q", e, c.cause, c.actor, c.detail)
				}
				key := strings.Join([]string{c.cause, c.actor, e.text("detail")}, "|")
				if seen[key] != "" {
					t.Errorf("cannot be told from %q: %v", seen[key], e)
				}
				seen[key] = c.name
				switch c.cause {
				case "malformed", "signature", "algorithm", "extension", "unknown_key":
					// Nothing in such a token can be believed.
				default:
					if len(e.text("session")) != 64 || e["generation"] == nil {
						t.Errorf("the session is missing: %v", e)
					}
				}
				if e.text("node") == "" || e.text("time") == "" {
					t.Errorf("time or node is missing: %v", e)
				}
			})
		}
		if len(seen) < 20 {
			t.Errorf("only %d ways", len(seen))
		}
		if log := d.audit.String(); strings.Contains(log, "eyJ") {
			t.Error("a token is in the audit stream")
		}
	})
}

// await returns the line of the last refused refresh, if there was one. Lines may follow answers.
func (d *deployment) await(t *testing.T) event {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		switch list := d.events(t, "refresh_refused"); {
		case d.refused == 0:
			return nil
		case len(list) == d.refused:
			return list[len(list)-1]
		}
	}
	t.Fatalf("%d refused refreshes have %d lines", d.refused, len(d.events(t, "refresh_refused")))
	return nil
}

// text returns a claim of a token.
func text(t *testing.T, raw, name string) string {
	t.Helper()
	return payload(t, raw).text(name)
}

func payload(t *testing.T, raw string) event {
	t.Helper()
	parts := strings.Split(raw, ".")
	data, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, data)
}
