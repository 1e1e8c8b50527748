// Package api implements the server interface generated from openapi.yaml. It is the only package
// that knows echo. Package problem turns its errors into answers, package edge counts and logs
// them.
package api

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	refresh "kalsel.dev/refresh"
	"kalsel.dev/refresh/gen"
	"kalsel.dev/refresh/impl/problem"
	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/impl/web"
)

// Config holds the dependencies of the handlers. Sessions and Registry are required.
type Config struct {
	Sessions *session.Service
	Registry prometheus.Registerer
	// Pages are served beside the contract.
	Pages []web.Route
	// PublicKeys returns the JWK Set that others verify our tokens with; nil publishes no key.
	PublicKeys func() ([]byte, error)
	Admin      Admin
	Hints      Hints
	// Audit receives the events of administration.
	Audit   session.Auditor
	OAuth   OAuth
	Browser Browser
	Feed    Feed
}

// Admin says which fresh access tokens of administrators may administer.
type Admin struct {
	MaxAge  time.Duration // since iat; 0: until the token expires
	Now     func() time.Time
	Setting string // the names of the setting of MaxAge
}

// Hints name the settings that answers mention, as the operator writes them.
type Hints struct {
	Rotation      string
	TokenLifetime string
	OpsListen     string
}

// New returns the public routes: the operations of the contract, the contract itself and the pages.
func New(c Config) (http.Handler, error) {
	m, err := newMetrics(c.Registry, c.Sessions)
	if err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	h := &handler{
		sessions:   c.Sessions,
		metrics:    m,
		publicKeys: c.PublicKeys,
		admin:      c.Admin,
		audit:      c.Audit,
		oauth:      &c.OAuth,
		browser:    &c.Browser,
		feed:       &c.Feed,
		answers:    newAnswers(),
		operations: map[string][]string{},
		opsListen:  c.Hints.OpsListen,
		rotationOff: "rotation is off (" + c.Hints.Rotation + "): " +
			"this server keeps no list of sessions",
		undated: "Refresh tokens of this identity without iat are refused from now on, " +
			"new ones too, unless " + c.Hints.TokenLifetime + " is set.",
	}
	if h.publicKeys == nil {
		h.publicKeys = func() ([]byte, error) { return []byte(`{"keys":[]}`), nil }
	}
	e := echo.New()
	e.Binder = newBinder()
	e.HTTPErrorHandler = h.fail
	e.IPExtractor = clientAddress // the default trusts headers that anybody can send
	e.Use(prepare())
	before := map[string][]echo.MiddlewareFunc{
		"createRevocation": {h.authenticated, h.administrators("create_revocation")},
		"listRevocations":  {h.authenticated, h.administrators("list_revocations")},
		"listSessions":     {h.authenticated},
		"endSession":       {h.authenticated},

		"authenticate":      {h.authenticated},
		"authenticateFresh": {h.authenticated},
		"authenticateAdmin": {h.authenticated},
		"readFeed":          c.Feed.middlewares(),
	}
	if c.Sessions.Rotations() != nil {
		before["refreshToken"] = []echo.MiddlewareFunc{withClient}
	}
	maps.Copy(before, c.OAuth.middlewares())
	maps.Copy(before, c.Browser.middlewares())
	router := readable{e}
	options := gen.RegisterHandlersOptions{OperationMiddlewares: before}
	gen.RegisterHandlersWithOptions(router, gen.NewStrictHandler(h, nil), options)
	for _, r := range e.Routes() {
		h.operations[r.Path] = append(h.operations[r.Path], r.Method)
	}
	for _, methods := range h.operations {
		slices.Sort(methods) // echo returns its routes in any order
	}
	for _, p := range c.Pages {
		if p.Method == http.MethodGet {
			router.GET(p.Path, echo.WrapHandler(p.Handler))
			continue
		}
		e.Add(p.Method, p.Path, echo.WrapHandler(p.Handler))
	}
	return e, serveContract(router)
}

// switchedOff returns the middleware of an operation that is off. why is the cause in the answer.
func switchedOff(why string) []echo.MiddlewareFunc {
	return []echo.MiddlewareFunc{func(echo.HandlerFunc) echo.HandlerFunc {
		return func(echo.Context) error { return problem.New(http.StatusNotImplemented, why) }
	}}
}

// routed is the edge's ResponseWriter, which counts and logs a request under its route.
type routed interface{ SetRoute(route string) }

// prepare tells the edge the route, keeps tokens out of caches, and rejects a query that does not
// parse: a part of it that is skipped could be the one that matters.
func prepare() echo.MiddlewareFunc {
	noStore := []string{"no-store"} // shared by all answers
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			w, route := c.Response().Writer, c.Path()
			if w, ok := w.(routed); ok {
				w.SetRoute(route)
			}
			if strings.HasPrefix(route, "/api/") { // the handlers of OAuth set the header themselves
				w.Header()[echo.HeaderCacheControl] = noStore
			}
			if err := queryFault(route, c.Request().URL.RawQuery); err != nil {
				return err
			}
			return next(c)
		}
	}
}

// queryFault returns the answer to a query that does not parse, or nil.
func queryFault(route, query string) error {
	if query == "" {
		return nil
	}
	if _, err := url.ParseQuery(query); err == nil {
		return nil
	}
	const cause = "query: must be name=value pairs with & between them; write % as %25 and ; as %3B"
	if strings.HasPrefix(route, oauthPrefix) {
		return problem.OAuth("invalid_request", nil, cause)
	}
	return badRequest(cause)
}

// readable serves HEAD beside each GET (RFC 9110 section 9.1); net/http leaves the body out.
type readable struct{ *echo.Echo }

// GET implements gen.EchoRouter.
func (r readable) GET(path string, h echo.HandlerFunc, m ...echo.MiddlewareFunc) *echo.Route {
	r.HEAD(path, h, m...)
	return r.Echo.GET(path, h, m...)
}

// serveContract serves openapi.yaml as it was written, and as JSON.
func serveContract(router readable) error {
	asJSON, err := gen.GetSpecJSON()
	if err != nil {
		return fmt.Errorf("read the embedded contract: %w", err)
	}
	document := func(path, mediaType string, body []byte) {
		router.GET(path, func(c echo.Context) error {
			return c.Blob(http.StatusOK, mediaType, body)
		})
	}
	document("/openapi.yaml", "application/yaml", refresh.OpenAPI)
	document("/openapi.json", echo.MIMEApplicationJSON, asJSON)
	return nil
}
