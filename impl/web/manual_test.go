package web_test

import (
	"path"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	refresh "kalsel.dev/refresh"
	"kalsel.dev/refresh/impl/web"
)

// Each page of the manual has a title and no inline style, and its links to this server work.
func TestManual(t *testing.T) {
	h := serve(t, web.Options{Docs: true, Manual: refresh.Manual})
	links := regexp.MustCompile(`href="([^":#]+)[^":]*"`)
	seen := 0
	for _, route := range pages(web.Options{Docs: true, Manual: refresh.Manual}) {
		if path.Ext(route.Path) != ".md" {
			continue
		}
		seen++
		page := text(t, ask(t, h, "GET", route.Path, ""))
		if strings.Contains(page, "style=") || !strings.Contains(page, "<h1") {
			t.Errorf("%s has an inline style, or no title", route.Path)
		}
		for _, link := range links.FindAllStringSubmatch(page, -1) {
			to := link[1]
			if !strings.HasPrefix(to, "/") {
				to = path.Join(path.Dir(route.Path), to)
			}
			if to == "/playground" || to == "/openapi.yaml" || strings.HasPrefix(to, "data") {
				continue
			}
			if status := ask(t, h, "GET", to, "").StatusCode; status >= 400 {
				t.Errorf("%s links to %s: %d", route.Path, to, status)
			}
		}
	}
	if seen < 20 {
		t.Errorf("%d pages", seen)
	}
}

// A folder of the manual leads to its first page, and the recipes can be read.
func TestManualFolders(t *testing.T) {
	h := serve(t, web.Options{Docs: true, Manual: refresh.Manual})
	for from, want := range map[string]string{
		"/docs/":           "/docs/README.md",
		"/docs/id":         "/docs/id/README.md",
		"/docs/recipes/":   "/docs/recipes/README.md",
		"/docs/decisions/": "/docs/decisions/README.md",
	} {
		if got := ask(t, h, "GET", from, "").Header.Get("Location"); got != want {
			t.Errorf("%s leads to %q", from, got)
		}
	}
	for _, recipe := range []string{"axios.mjs", "httpx_session.py", "RefreshSession.java"} {
		link := `<a href="` + recipe + `">`
		if !strings.Contains(text(t, ask(t, h, "GET", "/docs/recipes/README.md", "")), link) {
			t.Errorf("the page of the recipes does not link to %s", recipe)
		}
		r := ask(t, h, "GET", "/docs/recipes/"+recipe, "")
		if r.Header.Get("Content-Type") != "text/plain; charset=utf-8" || text(t, r) == "" {
			t.Errorf("%s: %d %v", recipe, r.StatusCode, r.Header)
		}
	}
}

func TestManualLinksAndLanguage(t *testing.T) {
	files := fstest.MapFS{
		"docs/id/a.md": {Data: []byte("# A & B\n\n[there](b.md#x), [code](../../impl/a.go), " +
			"[*out*](https://example.com), <script>alert(1)</script> [up](../../c.md) [js](javascript:x)\n")},
		"docs/id/b.md": {Data: []byte("# B\n")},
	}
	h := serve(t, web.Options{Docs: true, Manual: files})
	page := text(t, ask(t, h, "GET", "/docs/id/a.md", ""))
	for _, want := range []string{
		`<html lang="id">`, "<title>A &amp; B", `<a href="b.md#x">there</a>, code, `,
		`<a href="https://example.com"><em>out</em></a>`, " up ",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("%s is missing in %s", want, page)
		}
	}
	if strings.Contains(page, "<script>") || strings.Contains(page, "javascript:") {
		t.Error(page)
	}
}
