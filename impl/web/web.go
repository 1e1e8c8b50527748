// Package web holds what the server shows to people and gives to browsers: the documentation page, the playground and the
// session keeper session.js. Everything is embedded; nothing comes from elsewhere.
package web

import (
	"embed"
	"net/http"
	"strings"
)

// The files of swagger-ui in docs are copied by tests/web/vendor.mjs from the npm package pinned in tests/package.json.
//
//go:embed session.js session.d.ts site.css docs playground
var files embed.FS

// Options says what is shown.
type Options struct {
	// Docs serves the documentation page at /docs, to which / leads. It reads /openapi.json of the same server.
	Docs bool
	// Playground serves the playground at /playground. Nil: the page says that it is switched off.
	Playground *PlaygroundOptions
}

// Route is a page or file: one method, one exact path. A GET route answers HEAD as well.
type Route struct {
	Method  string
	Path    string
	Handler http.Handler
}

// Content-Security-Policy of each kind of page: only own files, no inline code, no eval.
const (
	policyNone = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	policyPage = policyNone + "; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:"
)

// Routes returns everything that is served.
func Routes(o Options) []Route {
	s := &site{}
	s.file("/session.js", "session.js", policyNone)
	s.file("/session.d.ts", "session.d.ts", policyNone)
	s.file("/site.css", "site.css", policyNone)
	if o.Docs {
		s.docs(o.Playground != nil)
	}
	s.playground(o.Playground)
	return s.routes
}

type site struct{ routes []Route }

func (s *site) add(method, path string, handler http.Handler) {
	s.routes = append(s.routes, Route{method, path, handler})
}

func (s *site) file(path, name, policy string) {
	s.page(path, name, policy, nil)
}

// page adds a file, changed by edit if that is not nil.
func (s *site) page(path, name, policy string, edit func(string) string) {
	s.add(http.MethodGet, path, newAsset(name, policy, edit))
}

// docs adds the documentation page. With a playground, "try it" starts with a token that this server accepts.
func (s *site) docs(playground bool) {
	s.add(http.MethodGet, "/", http.RedirectHandler("/docs", http.StatusFound))
	s.page("/docs", "docs/index.html", policyPage, func(html string) string {
		if !playground {
			return html
		}
		return strings.Replace(html, "<html ", `<html data-playground `, 1)
	})
	s.file("/docs/docs.js", "docs/docs.js", policyNone)
	s.file("/docs/docs.css", "docs/docs.css", policyNone)
	s.file("/docs/swagger-ui-bundle.js", "docs/swagger-ui-bundle.js.gz", policyNone)
	s.file("/docs/swagger-ui.css", "docs/swagger-ui.css.gz", policyNone)
	s.file("/docs/LICENSE", "docs/LICENSE", policyNone)
	s.file("/docs/NOTICE", "docs/NOTICE", policyNone)
}
