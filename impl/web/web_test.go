package web_test

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/web"
)

func serve(t *testing.T, o web.Options) http.Handler {
	t.Helper()
	mux := http.NewServeMux()
	for _, r := range web.Routes(o) {
		path := r.Path
		if path == "/" {
			path = "/{$}"
		}
		mux.Handle(r.Method+" "+path, r.Handler)
	}
	return mux
}

func playing() web.Options {
	return web.Options{Docs: true, Playground: &web.PlaygroundOptions{
		Login: func(_ context.Context, r web.LoginRequest) (string, string, int64, error) {
			if r.Identity == "broken@example.com" {
				return "", "", 0, errors.New("secret detail")
			}
			return "access of " + r.Identity + r.AccessLifetime.String(), "refresh " + r.RefreshLifetime.String(), 42, nil
		},
		Identify: func(_ context.Context, access string) (string, error) {
			if access != "good" {
				return "", errors.New("token has expired")
			}
			return "demo", nil
		},
	}}
}

func ask(t *testing.T, h http.Handler, method, path, body string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func text(t *testing.T, r *http.Response) string {
	t.Helper()
	data, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func pages(o web.Options) []web.Route {
	var out []web.Route
	for _, r := range web.Routes(o) {
		if r.Method == http.MethodGet && r.Path != "/" && r.Path != "/playground/hello" {
			out = append(out, r)
		}
	}
	return out
}

func TestEveryFile(t *testing.T) {
	types := map[string]string{".js": "text/javascript", ".css": "text/css", ".ts": "text/plain", "": "text/html"}
	h := serve(t, playing())
	for _, route := range pages(playing()) {
		t.Run(route.Path, func(t *testing.T) {
			plain := ask(t, h, "GET", route.Path, "")
			want := text(t, plain)
			if plain.StatusCode != 200 || want == "" || plain.Header.Get("Content-Encoding") != "" {
				t.Fatalf("%d, %d bytes, %v", plain.StatusCode, len(want), plain.Header)
			}
			kind := types[regexp.MustCompile(`\.\w+$`).FindString(route.Path)]
			if strings.HasPrefix(route.Path, "/docs/LICENSE") || strings.HasPrefix(route.Path, "/docs/NOTICE") {
				kind = "text/plain"
			}
			if got := plain.Header.Get("Content-Type"); got != kind+"; charset=utf-8" {
				t.Errorf("Content-Type %s", got)
			}
			zipped := ask(t, h, "GET", route.Path, "", "Accept-Encoding", "br, gzip;q=0.8")
			reader, err := gzip.NewReader(zipped.Body)
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := io.ReadAll(reader); string(got) != want || zipped.Header.Get("Content-Encoding") != "gzip" {
				t.Error("the compressed file differs")
			}
			etag := plain.Header.Get("ETag")
			again := ask(t, h, "GET", route.Path, "", "If-None-Match", `"x", W/`+etag)
			if again.StatusCode != 304 || text(t, again) != "" {
				t.Errorf("revalidated: %d", again.StatusCode)
			}
			if head := ask(t, h, "HEAD", route.Path, ""); text(t, head) != "" || head.Header.Get("ETag") != etag {
				t.Error("HEAD")
			}
		})
	}
}

// A page may use nothing but files of this server, and nothing inline.
func TestStrictPages(t *testing.T) {
	inline := regexp.MustCompile(`<script>|<script type="module">|<style|\son\w+=|\sstyle=|javascript:`)
	foreign := regexp.MustCompile(`(?:src|href)="(?:https?:)?//`)
	for name, o := range map[string]web.Options{"on": playing(), "off": {Docs: true}} {
		h := serve(t, o)
		for _, path := range []string{"/docs", "/playground"} {
			r := ask(t, h, "GET", path, "", "Accept", "text/html")
			html := text(t, r)
			if found := inline.FindString(html) + foreign.FindString(html); found != "" {
				t.Errorf("%s %s has %s", name, path, found)
			}
			policy := r.Header.Get("Content-Security-Policy")
			for _, part := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"} {
				if !strings.Contains(policy, part) {
					t.Errorf("%s %s: policy %s", name, path, policy)
				}
			}
			if strings.Contains(policy, "unsafe") || r.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s %s: %v", name, path, r.Header)
			}
			for _, link := range regexp.MustCompile(`(?:src|href)="(/[^"#]*)"`).FindAllStringSubmatch(html, -1) {
				if strings.HasPrefix(link[1], "/openapi") {
					continue
				}
				if got := ask(t, h, "GET", link[1], "", "Accept", "text/html").StatusCode; got >= 400 && link[1] != "/playground" {
					t.Errorf("%s links to %s: %d", path, link[1], got)
				}
			}
		}
	}
}

func TestAcceptEncoding(t *testing.T) {
	h := serve(t, web.Options{})
	for header, want := range map[string]string{"": "", "gzip": "gzip", "GZIP": "gzip", "br": "", "gzip;q=0": "", "gzip; q=0.000": "", "gzip;q=1": "gzip", "gzipped": ""} {
		if got := ask(t, h, "GET", "/session.js", "", "Accept-Encoding", header).Header.Get("Content-Encoding"); got != want {
			t.Errorf("%q: %q", header, got)
		}
	}
}

func TestSwitches(t *testing.T) {
	h := serve(t, web.Options{})
	for path, want := range map[string]int{"/": 404, "/docs": 404, "/docs/docs.js": 404, "/session.js": 200, "/playground": 403} {
		if got := ask(t, h, "GET", path, "").StatusCode; got != want {
			t.Errorf("%s: %d", path, got)
		}
	}
	h = serve(t, playing())
	if r := ask(t, h, "GET", "/", ""); r.StatusCode != 302 || r.Header.Get("Location") != "/docs" {
		t.Errorf("/: %d %v", r.StatusCode, r.Header)
	}
	if !strings.Contains(text(t, ask(t, h, "GET", "/docs", "")), "data-playground") {
		t.Error("the documentation does not know of the playground")
	}
	if strings.Contains(text(t, ask(t, serve(t, web.Options{Docs: true}), "GET", "/docs", "")), "data-playground") {
		t.Error("the documentation knows of a playground that is off")
	}
}

func TestPlaygroundSwitchedOff(t *testing.T) {
	h := serve(t, web.Options{Docs: true})
	page := ask(t, h, "GET", "/playground", "", "Accept", "text/html,*/*")
	if body := text(t, page); page.StatusCode != 403 || !strings.Contains(body, "--playground") || page.Header.Get("ETag") != "" {
		t.Errorf("%d %s", page.StatusCode, body)
	}
	for _, c := range [][2]string{{"GET", "/playground"}, {"POST", "/playground/login"}, {"GET", "/playground/hello"}} {
		r := ask(t, h, c[0], c[1], "{}", "Content-Type", "application/json")
		const want = `{"status":403,"message":"Forbidden","error":"forbidden","causes":["the playground is switched off: start the server with a development key or with --playground"]}` + "\n"
		if got := text(t, r); got != want || r.StatusCode != 403 || r.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%v: %d %s", c, r.StatusCode, got)
		}
	}
}

func TestLogin(t *testing.T) {
	h := serve(t, playing())
	const good = `{"identity":"a@b.c","name":"A","access_seconds":20,"refresh_seconds":60}`
	for name, c := range map[string]struct {
		body, kind string
		status     int
		want       string
	}{
		"OK":            {good, "application/json; charset=utf-8", 200, `{"access_token":"access of a@b.c20s","refresh_token":"refresh 1m0s","expired":42}`},
		"form":          {good, "text/plain", 415, "Content-Type"},
		"no type":       {good, "", 415, "Content-Type"},
		"not JSON":      {"x", "application/json", 400, "body"},
		"unknown field": {`{"identity":"a","is_admin":true}`, "application/json", 400, "body"},
		"no identity":   {`{"access_seconds":1,"refresh_seconds":1}`, "application/json", 400, "identity"},
		"zero":          {`{"identity":"a","access_seconds":0,"refresh_seconds":1}`, "application/json", 400, "access_seconds"},
		"ages":          {`{"identity":"a","access_seconds":1,"refresh_seconds":31536001}`, "application/json", 400, "access_seconds"},
		"too large":     {`{"identity":"` + strings.Repeat("a", 5000) + `"}`, "application/json", 400, "body"},
		"failure":       {`{"identity":"broken@example.com","access_seconds":1,"refresh_seconds":1}`, "application/json", 500, `"causes":[]`},
	} {
		t.Run(name, func(t *testing.T) {
			r := ask(t, h, "POST", "/playground/login", c.body, "Content-Type", c.kind)
			if got := text(t, r); r.StatusCode != c.status || !strings.Contains(got, c.want) || strings.Contains(got, "secret") {
				t.Errorf("%d %s", r.StatusCode, got)
			}
		})
	}
}

func TestHello(t *testing.T) {
	h := serve(t, playing())
	for header, want := range map[string]int{"Bearer good": 200, "Bearer bad": 401, "": 401, "Basic good": 401} {
		r := ask(t, h, "GET", "/playground/hello", "", "Authorization", header)
		var body map[string]any
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || r.StatusCode != want {
			t.Errorf("%q: %d %v", header, r.StatusCode, err)
		}
		if want == 401 && (r.Header.Get("WWW-Authenticate") != "Bearer" || body["error"] != "unauthorized") {
			t.Errorf("%q: %v %v", header, r.Header, body)
		}
	}
}

func TestLifetimesReachLogin(t *testing.T) {
	var got web.LoginRequest
	o := playing()
	o.Playground.Login = func(_ context.Context, r web.LoginRequest) (string, string, int64, error) {
		got = r
		return "", "", 0, nil
	}
	ask(t, serve(t, o), "POST", "/playground/login", `{"identity":"i","name":"n","access_seconds":7,"refresh_seconds":9}`, "Content-Type", "application/json")
	if want := (web.LoginRequest{Identity: "i", Name: "n", AccessLifetime: 7 * time.Second, RefreshLifetime: 9 * time.Second}); got != want {
		t.Errorf("%+v", got)
	}
}
