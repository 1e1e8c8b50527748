// Package web has the pages and scripts for browsers: the documentation page, the playground and
// the session keeper session.js. All files are embedded; no page loads anything from another
// server.
package web

import (
	"embed"
	"html"
	"io/fs"
	"net/http"
	"strconv"
	"strings"

	"kalsel.dev/refresh/impl/problem"
)

// tests/web/vendor.mjs copies the files of swagger-ui from the npm package that is pinned in
// tests/package.json to the folder docs.
//
//go:embed session.js session.d.ts site.css docs playground
var files embed.FS

// Options selects the pages.
type Options struct {
	// Docs serves the documentation page at /docs and redirects / to it. The page reads
	// /openapi.yaml of the same server.
	Docs bool
	// Manual is the documentation in Markdown. Its files are served as pages below their own paths;
	// nil serves none.
	Manual fs.FS
	// Playground serves the playground at /playground. If it is nil, /playground answers that the
	// playground is switched off.
	Playground *PlaygroundOptions
	// PlaygroundHint says how to switch the playground on: "start the server with …".
	PlaygroundHint string
}

// Route is one page or file. A route with method GET also answers HEAD.
type Route struct {
	Method  string
	Path    string // exact
	Handler http.Handler
}

// The Content-Security-Policy of files, and of pages. A page may use only scripts, styles and
// requests of this server, and no inline code.
const (
	policyFile = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	policyPage = policyFile + "; script-src 'self'; style-src 'self'; connect-src 'self'; " +
		"img-src 'self' data:"
)

// Routes returns the routes of all pages and files that are switched on.
func Routes(o Options) []Route {
	s := &site{}
	s.add(http.MethodGet, "/session.js", newAsset("session.js", policyFile, withoutComments))
	s.file("/session.d.ts", "session.d.ts")
	s.file("/site.css", "site.css")
	if o.Docs {
		s.docs(o)
		s.manual(o.Manual)
	}
	if o.Playground != nil {
		s.playground(o.Playground)
	} else {
		s.playgroundOff(o.PlaygroundHint)
	}
	return s.routes
}

type site struct{ routes []Route }

func (s *site) add(method, path string, handler http.Handler) {
	s.routes = append(s.routes, Route{method, path, handler})
}

func (s *site) file(path, name string) {
	s.add(http.MethodGet, path, newAsset(name, policyFile, nil))
}

// page adds an HTML page. The text {{name}} in the page is replaced by values[name], escaped.
func (s *site) page(path, name string, values map[string]string) {
	s.add(http.MethodGet, path, newPage(name, values))
}

func newPage(name string, values map[string]string) *asset {
	return newAsset(name, policyPage, func(page string) string {
		for name, value := range values {
			page = strings.ReplaceAll(page, "{{"+name+"}}", html.EscapeString(value))
		}
		return page
	})
}

// docs adds the documentation page. If the playground is on, the page logs in there, so that its
// examples have tokens that this server accepts.
func (s *site) docs(o Options) {
	s.add(http.MethodGet, "/", http.RedirectHandler("/docs", http.StatusFound))
	const switchedOff = " An operation that is switched off answers 501 and names its setting."
	login, note := "off", "The tokens in the examples are not valid on this server. Use tokens of "+
		"your login, or sign some on the server with “refreshd token issue”. To get valid examples "+
		"on a development machine, "+o.PlaygroundHint+"."
	switch {
	case o.Playground != nil && o.Playground.Administrators:
		login, note = "admin", "This page is logged in as an administrator, so you can try every "+
			"operation."+switchedOff
	case o.Playground != nil:
		login, note = "on", "This page is logged in as a user who is not an administrator, as "+
			"the server has no development key. So the operations for administrators answer 403."+
			switchedOff
	}
	s.page("/docs", "docs/index.html", map[string]string{"playground": login, "note": note})
	s.file("/docs/docs.js", "docs/docs.js")
	s.file("/docs/samples.js", "docs/samples.js")
	s.file("/docs/docs.css", "docs/docs.css")
	s.file("/docs/swagger-ui-bundle.js", "docs/swagger-ui-bundle.js.gz")
	s.file("/docs/swagger-ui.css", "docs/swagger-ui.css.gz")
	s.file("/docs/manual.css", "docs/manual.css")
	s.file("/docs/LICENSE", "docs/LICENSE")
	s.file("/docs/NOTICE", "docs/NOTICE")
}

func (s *site) playground(o *PlaygroundOptions) {
	door := "off"
	if o.BrowserDoor {
		door = "on"
	}
	s.page("/playground", "playground/index.html", map[string]string{
		"door":   door,
		"window": strconv.Itoa(int(o.Window.Seconds())),
	})
	s.file("/playground/texts.js", "playground/texts.js")
	s.file("/playground/thief.js", "playground/thief.js")
	s.file("/playground/playground.js", "playground/playground.js")
	s.file("/playground/show.js", "playground/show.js")
	s.file("/playground/playground.css", "playground/playground.css")
	s.add(http.MethodPost, "/playground/login", http.HandlerFunc(o.login))
	s.add(http.MethodGet, "/playground/hello", http.HandlerFunc(o.hello))
}

// playgroundOff answers browsers with a page and programs with an error. Both say how to switch the
// playground on.
func (s *site) playgroundOff(hint string) {
	page := newPage("playground/off.html", map[string]string{"hint": hint})
	page.status = http.StatusForbidden
	refuse := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		cause := "the playground is switched off: " + hint
		fail(w, problem.New(http.StatusForbidden, cause))
	})
	negotiate := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.Header.Get("Accept"), "text/html") {
			page.ServeHTTP(w, r)
			return
		}
		refuse(w, r)
	})
	s.add(http.MethodGet, "/playground", negotiate)
	s.add(http.MethodPost, "/playground/login", refuse)
	s.add(http.MethodGet, "/playground/hello", refuse)
}
