package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/web"
)

func TestPlaygroundSwitchedOff(t *testing.T) {
	h := serve(t, web.Options{Docs: true, PlaygroundHint: "start it with --playground & a \"key\""})
	page := ask(t, h, "GET", "/playground", "", "Accept", "text/html,*/*")
	body := text(t, page)
	if page.StatusCode != 403 || page.Header.Get("ETag") != "" {
		t.Errorf("%d %v", page.StatusCode, page.Header)
	}
	if !strings.Contains(body, "start it with --playground &amp; a &#34;key&#34;.") {
		t.Error(body)
	}
	for _, c := range [][2]string{
		{"GET", "/playground"}, {"POST", "/playground/login"}, {"GET", "/playground/hello"},
	} {
		r := ask(t, h, c[0], c[1], "{}", "Content-Type", "application/json")
		const want = `{"status":403,"message":"Not allowed","error":"forbidden","causes":[` +
			`"the playground is switched off: start it with --playground & a \"key\""]}`
		got := text(t, r)
		if got != want || r.StatusCode != 403 || r.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%v: %d %s", c, r.StatusCode, got)
		}
	}
}

func TestLogin(t *testing.T) {
	h := serve(t, playing())
	const good = `{"identity":"a@b.c","name":"A","access_seconds":20,"refresh_seconds":60}`
	const administrator = `{"identity":"a","is_admin":true,"access_seconds":1,"refresh_seconds":1}`
	const broken = `{"identity":"broken@example.com","access_seconds":1,"refresh_seconds":1}`
	long := `{"identity":"` + strings.Repeat("a", 5000) + `"}`
	const kind = "application/json"
	for name, c := range map[string]struct {
		body, kind string
		status     int
		want       string
	}{
		"OK": {
			good, "application/json; charset=utf-8", 200,
			`{"access_token":"access of a@b.c20s","refresh_token":"refresh 1m0s","expired":42}`,
		},
		"form":          {good, "text/plain", 415, "Content-Type"},
		"no type":       {good, "", 415, "Content-Type"},
		"not JSON":      {"x", kind, 400, "body"},
		"unknown field": {`{"identity":"a","admin":true}`, kind, 400, "body"},
		"administrator": {administrator, kind, 400, "is_admin"},
		"no identity":   {`{"access_seconds":1,"refresh_seconds":1}`, kind, 400, "identity"},
		"zero":          {lives(0, 1), kind, 400, "access_seconds"},
		"over a year":   {lives(1, 31536001), kind, 400, "access_seconds"},
		"too large":     {long, kind, 400, "body"},
		"failure":       {broken, kind, 500, `"causes":[]`},
	} {
		t.Run(name, func(t *testing.T) {
			r := ask(t, h, "POST", "/playground/login", c.body, "Content-Type", c.kind)
			got := text(t, r)
			if r.StatusCode != c.status || !strings.Contains(got, c.want) {
				t.Errorf("%d %s", r.StatusCode, got)
			}
			if strings.Contains(got, "secret") {
				t.Error("the answer shows an internal error: " + got)
			}
		})
	}
}

// lives returns a login whose tokens live so many seconds.
func lives(access, refresh int) string {
	const body = `{"identity":"a","access_seconds":%d,"refresh_seconds":%d}`
	return fmt.Sprintf(body, access, refresh)
}

func TestHello(t *testing.T) {
	h := serve(t, playing())
	for header, want := range map[string]int{
		"Bearer good": 200, "Bearer bad": 401, "": 401, "Basic good": 401,
	} {
		r := ask(t, h, "GET", "/playground/hello", "", "Authorization", header)
		var body map[string]any
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || r.StatusCode != want {
			t.Errorf("%q: %d %v", header, r.StatusCode, err)
		}
		challenge := r.Header.Get("WWW-Authenticate")
		bearer := strings.HasPrefix(challenge, "Bearer")
		if want == 401 && (!bearer || body["error"] != "unauthorized") {
			t.Errorf("%q: %v %v", header, r.Header, body)
		}
	}
}

func TestLifetimesReachLogin(t *testing.T) {
	var got web.LoginRequest
	o := playing()
	o.Playground.Login = func(
		_ context.Context, r web.LoginRequest,
	) (access, refresh string, expires int64, err error) {
		got = r
		return "", "", 0, nil
	}
	const body = `{"identity":"i","name":"n","access_seconds":7,"refresh_seconds":9}`
	ask(t, serve(t, o), "POST", "/playground/login", body, "Content-Type", "application/json")
	want := web.LoginRequest{
		Identity:        "i",
		Name:            "n",
		AccessLifetime:  7 * time.Second,
		RefreshLifetime: 9 * time.Second,
	}
	if got != want {
		t.Errorf("%+v", got)
	}
}
