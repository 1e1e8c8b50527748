package identity

import (
	"net/http"
	"strings"
	"testing"
)

// TestMisbehaviour: whatever the user service does, the refresh is answered 503 or, with keep, 200
// with the token's own claims. No session is lost, no other identity waits, and nothing leaks.
func TestMisbehaviour(t *testing.T) {
	t.Parallel()
	for mode, args := range modes() {
		for _, onFailure := range []string{"unavailable", "keep"} {
			t.Run(mode+" "+onFailure, func(t *testing.T) {
				t.Parallel()
				d := deploy(t, append([]string{
					"--identity-on-failure=" + onFailure,
					"--identity-timeout=1s", // of the one that hangs
				}, args...)...)
				var tokens []string
				for _, behaviour := range []string{
					"hang", "reset", "redirect", "huge", "not_json", "no_claims", "other_identity",
					"truncate", "429", "500", "503", "html", "html 200", "html 403", "html 404",
					"html 410",
				} {
					tokens = append(tokens, d.misbehaves(t, behaviour, onFailure == "keep")...)
				}
				d.leaksNothing(t, tokens)
			})
		}
	}
}

// misbehaves orders the behaviour for one question, and returns the tokens in use.
func (d deployment) misbehaves(t *testing.T, behaviour string, keep bool) []string {
	t.Helper()
	name, page, _ := strings.Cut(behaviour, " ")
	identity := "of." + strings.ReplaceAll(behaviour, " ", ".")
	token, other := login(t, identity, nil), login(t, "another."+identity, nil)
	d.set(t, identity, `{"claims":{"role":"new"}}`)
	status := map[string]int{"200": 200, "403": 403, "404": 404, "410": 410}[page]
	times := 1
	if name == "reset" {
		times = 100 // a question is sent again if the connection was in use before
	}
	d.order(t, identity, name, map[string]any{"status": status, "times": times})
	failed := make(chan answer, 1)
	go func() { failed <- d.refresh(t, token) }()
	if name == "hang" {
		d.Await(t, "the question", func() bool { return len(d.questions(t, identity)) > 0 })
		d.refresh(t, other).wants(t, http.StatusOK) // while the user service hangs
		if !strings.Contains(d.metrics(t), "refreshd_identity_in_flight 1\n") && len(failed) == 0 {
			t.Errorf("%s: the other identity has waited", behaviour)
		}
	}
	first := <-failed
	want, role := http.StatusServiceUnavailable, ""
	if keep && name != "other_identity" {
		want, role = http.StatusOK, "old"
	}
	if first.Status != want {
		t.Fatalf("%s: got %s, want %d", behaviour, first.text, want)
	}
	first.wants(t, want)
	if role != "" && claims(t, first.Access)["role"] != role {
		t.Errorf("%s: the access token has not the claims of the refresh token", behaviour)
	}
	if name == "reset" {
		d.control(t, http.MethodPut, "/fake/next", `{"behaviour":"500","identity":"nobody"}`, nil)
	}
	again := d.refresh(t, token)
	if again.Status != http.StatusOK || claims(t, again.Access)["role"] != "new" {
		t.Errorf("%s: then %s", behaviour, again.text)
	}
	if claims(t, again.Access)["identity"] != identity {
		t.Errorf("%s: another identity", behaviour)
	}
	return []string{token, other, first.Access, first.Refresh, again.Access, again.Refresh}
}

// TestTooManyClaims: claims that do not fit into a token are no usable answer. They log no user out.
func TestTooManyClaims(t *testing.T) {
	t.Parallel()
	for mode, args := range modes() {
		for onFailure, status := range map[string]int{"unavailable": 503, "keep": 200} {
			t.Run(mode+" "+onFailure, func(t *testing.T) {
				t.Parallel()
				d := deploy(t, append([]string{"--identity-on-failure=" + onFailure}, args...)...)
				token := login(t, "ana", nil)
				d.set(t, "ana", `{"claims":{"role":"`+strings.Repeat("x", 20_000)+`"}}`)
				got := d.refresh(t, token)
				got.wants(t, status)
				if status == http.StatusOK && claims(t, got.Access)["role"] != "old" {
					t.Error("the access token has not the claims of the refresh token")
				}
				d.series(t, `refreshd_identity_failures_total{reason="invalid"} 1`)
				d.set(t, "ana", `{"claims":{"role":"new"}}`)
				again := d.refresh(t, token)
				again.wants(t, http.StatusOK)
				if claims(t, again.Access)["role"] != "new" {
					t.Error("the access token has not the claims of the answer")
				}
			})
		}
	}
}

// leaksNothing fails if the log, the audit stream or the metrics have a part of a token, or of an
// answer that was not used.
func (d deployment) leaksNothing(t *testing.T, tokens []string) {
	t.Helper()
	said := d.Log.String() + d.users.Log.String() + d.metrics(t)
	for _, token := range tokens {
		for part := range strings.SplitSeq(token, ".") {
			if len(part) > 10 && !strings.HasPrefix(part, "eyJhbGciOi") &&
				strings.Contains(said, part) {
				t.Errorf("a part of a token is in the log or in the metrics: %s", part)
			}
		}
	}
	for _, text := range []string{"xxxxxx", "all is well", "another.of.other_identity\",\"claims",
		"/elsewhere"} {
		if strings.Contains(said, text) {
			t.Errorf("a part of an answer is in the log or in the metrics: %s", text)
		}
	}
	if asked := d.questions(t, "of.redirect"); len(asked) != 2 {
		t.Errorf("the redirect was followed: %d questions", len(asked))
	}
}
