package web_test

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"strings"
	"testing"

	refresh "kalsel.dev/refresh"
	"kalsel.dev/refresh/impl/token"
	"kalsel.dev/refresh/impl/web"
)

func serve(t *testing.T, o web.Options) http.Handler {
	t.Helper()
	mux := http.NewServeMux()
	for _, r := range web.Routes(o) {
		path := r.Path
		if strings.HasSuffix(path, "/") {
			path += "{$}"
		}
		mux.Handle(r.Method+" "+path, r.Handler)
	}
	return mux
}

func playing() web.Options {
	return web.Options{Docs: true, Manual: refresh.Manual, Playground: &web.PlaygroundOptions{
		Login: func(_ context.Context, r web.LoginRequest) (string, string, int64, error) {
			if r.Identity == "broken@example.com" {
				return "", "", 0, errors.New("secret detail")
			}
			access := "access of " + r.Identity + r.AccessLifetime.String()
			return access, "refresh " + r.RefreshLifetime.String(), 42, nil
		},
		Identify: func(_ context.Context, access string) (string, error) {
			if access != "good" {
				return "", token.ErrExpired
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
	none := regexp.MustCompile(`/$|^/playground/hello$|^/docs/[a-z]+$`) // redirects, and an API
	for _, r := range web.Routes(o) {
		if r.Method == http.MethodGet && !none.MatchString(r.Path) {
			out = append(out, r)
		}
	}
	return out
}

func TestEveryFile(t *testing.T) {
	types := map[string]string{
		".js": "text/javascript", ".css": "text/css", ".ts": "text/plain", "": "text/html",
		".md": "text/html",
	}
	h := serve(t, playing())
	for _, route := range pages(playing()) {
		t.Run(route.Path, func(t *testing.T) {
			plain := ask(t, h, "GET", route.Path, "")
			want := text(t, plain)
			if plain.StatusCode != 200 || want == "" || plain.Header.Get("Content-Encoding") != "" {
				t.Fatalf("%d, %d bytes, %v", plain.StatusCode, len(want), plain.Header)
			}
			kind := types[regexp.MustCompile(`\.\w+$`).FindString(route.Path)]
			if kind == "" || strings.HasPrefix(route.Path, "/docs/") && path.Ext(route.Path) == "" {
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
			got, _ := io.ReadAll(reader)
			if string(got) != want || zipped.Header.Get("Content-Encoding") != "gzip" {
				t.Error("the compressed file differs")
			}
			etag := plain.Header.Get("ETag")
			again := ask(t, h, "GET", route.Path, "", "If-None-Match", `"x", W/`+etag)
			if again.StatusCode != 304 || text(t, again) != "" {
				t.Errorf("revalidated: %d", again.StatusCode)
			}
			head := ask(t, h, "HEAD", route.Path, "")
			if text(t, head) != "" || head.Header.Get("ETag") != etag {
				t.Error("HEAD has a body or another ETag")
			}
		})
	}
}

// A page may use only files of this server, and no inline code.
func TestStrictPages(t *testing.T) {
	inline := regexp.MustCompile(
		`<script>|<script type="module">|<style|\son\w+=|\sstyle=|javascript:`)
	links := regexp.MustCompile(`(?:src|href)="(/[^"#]*)"`)
	foreign := regexp.MustCompile(`(?:src|href)="(?:https?:)?//`)
	for name, o := range map[string]web.Options{
		"on":  playing(),
		"off": {Docs: true, Manual: refresh.Manual},
	} {
		h := serve(t, o)
		for _, path := range []string{"/docs", "/playground"} {
			r := ask(t, h, "GET", path, "", "Accept", "text/html")
			html := text(t, r)
			if found := inline.FindString(html) + foreign.FindString(html); found != "" {
				t.Errorf("%s %s has %s", name, path, found)
			}
			policy := r.Header.Get("Content-Security-Policy")
			for _, part := range []string{
				"default-src 'none'", "script-src 'self'",
				"frame-ancestors 'none'", "base-uri 'none'",
			} {
				if !strings.Contains(policy, part) {
					t.Errorf("%s %s: policy %s", name, path, policy)
				}
			}
			sniff := r.Header.Get("X-Content-Type-Options")
			if strings.Contains(policy, "unsafe") || sniff != "nosniff" {
				t.Errorf("%s %s: %v", name, path, r.Header)
			}
			for _, link := range links.FindAllStringSubmatch(html, -1) {
				if strings.HasPrefix(link[1], "/openapi") {
					continue
				}
				got := ask(t, h, "GET", link[1], "", "Accept", "text/html").StatusCode
				if got >= 400 && link[1] != "/playground" {
					t.Errorf("%s links to %s: %d", path, link[1], got)
				}
			}
		}
	}
}

func TestAcceptEncoding(t *testing.T) {
	h := serve(t, web.Options{})
	for header, want := range map[string]string{
		"": "", "gzip": "gzip", "GZIP": "gzip", "br": "", "gzip;q=0": "", "gzip; q=0.000": "",
		"gzip;q=1": "gzip", "gzipped": "",
	} {
		r := ask(t, h, "GET", "/session.js", "", "Accept-Encoding", header)
		if got := r.Header.Get("Content-Encoding"); got != want {
			t.Errorf("%q: %q", header, got)
		}
	}
}

// The documentation says that session.js has less than 7 KiB, compressed.
func TestSizeOfSessionJS(t *testing.T) {
	r := ask(t, serve(t, web.Options{}), "GET", "/session.js", "", "Accept-Encoding", "gzip")
	body, err := io.ReadAll(r.Body)
	if err != nil || r.Header.Get("Content-Encoding") != "gzip" || len(body) >= 7<<10 {
		t.Errorf("%d bytes: %v", len(body), err)
	}
}

func TestSwitches(t *testing.T) {
	h := serve(t, web.Options{})
	for path, want := range map[string]int{
		"/": 404, "/docs": 404, "/docs/docs.js": 404, "/session.js": 200, "/playground": 403,
	} {
		if got := ask(t, h, "GET", path, "").StatusCode; got != want {
			t.Errorf("%s: %d", path, got)
		}
	}
	h = serve(t, playing())
	if r := ask(t, h, "GET", "/", ""); r.StatusCode != 302 || r.Header.Get("Location") != "/docs" {
		t.Errorf("/: %d %v", r.StatusCode, r.Header)
	}
	admin := playing()
	admin.Playground.Administrators = true
	off := web.Options{Docs: true, PlaygroundHint: "start it with --playground"}
	for _, c := range []struct {
		options     web.Options
		login, note string
	}{
		{playing(), "on", "is not an administrator"},
		{admin, "admin", "logged in as an administrator, so you can try every operation."},
		{off, "off", "Use tokens of your login, or sign some on the server"},
		{off, "off", "To get valid examples on a development machine, start it with --playground."},
	} {
		page := text(t, ask(t, serve(t, c.options), "GET", "/docs", ""))
		login := `data-playground="` + c.login + `"`
		if !strings.Contains(page, login) || !strings.Contains(page, c.note) {
			t.Errorf("playground %s: %s", c.login, page)
		}
	}
}

// watcher is a ResponseWriter that remembers the memory of the bodies that are written to it.
type watcher struct {
	http.ResponseWriter
	writes [][]byte
}

func (w *watcher) Write(p []byte) (int, error) {
	w.writes = append(w.writes, p)
	return len(p), nil
}

// A client without gzip must not make the server unpack a file at each request.
func TestFileIsUnpackedOnce(t *testing.T) {
	h := serve(t, playing())
	for _, route := range pages(playing()) {
		for _, coding := range []string{"", "gzip"} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, route.Path, nil)
			r.Header.Set("Accept-Encoding", coding)
			w := &watcher{ResponseWriter: httptest.NewRecorder()}
			h.ServeHTTP(w, r)
			h.ServeHTTP(w, r)
			if len(w.writes) != 2 || &w.writes[0][0] != &w.writes[1][0] {
				t.Errorf("%s %q: two requests get different memory", route.Path, coding)
			}
		}
	}
}
