// Package api is the HTTP side: the only package that knows echo. It implements the server interface generated from
// openapi.yaml; errors become answers in errors.go and nowhere else.
package api

import (
	"fmt"
	"log/slog"
	"net/http"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	refresh "kalsel.dev/refresh"
	"kalsel.dev/refresh/gen"
	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/impl/web"
)

// Config is what the HTTP side works with. Sessions, Logger and Registry are required.
type Config struct {
	Sessions *session.Service
	Logger   *slog.Logger
	Registry *prometheus.Registry
	// NotReady says why requests cannot be served now, a cause each; NewOps needs it.
	NotReady func() []string
	// Pages are served beside the contract.
	Pages []web.Route
	// PublicKeys writes the JWK Set that others verify our tokens with; nil publishes no key.
	PublicKeys func() ([]byte, error)
}

// New returns the public routes: the operations of the contract and the contract itself.
func New(c Config) (http.Handler, error) {
	m, err := newMetrics(c.Registry, c.Sessions)
	if err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	e := newEcho()
	e.Binder = newBinder()
	o := &observer{logger: c.Logger, metrics: m, noStore: []string{"no-store"}}
	e.Use(o.middleware)
	h := &handler{sessions: c.Sessions, metrics: m, publicKeys: c.PublicKeys, shared: newShared()}
	if h.publicKeys == nil {
		h.publicKeys = func() ([]byte, error) { return []byte(`{"keys":[]}`), nil }
	}
	admin := []echo.MiddlewareFunc{h.authenticated, administrators}
	before := map[string][]echo.MiddlewareFunc{
		"createRevocation": admin,
		"listRevocations":  admin,
		"listSessions":     {h.authenticated},
		"endSession":       {h.authenticated},
	}
	if c.Sessions.Rotations() != nil {
		before["refreshToken"] = []echo.MiddlewareFunc{withClient}
	}
	gen.RegisterHandlersWithOptions(e, gen.NewStrictHandler(h, nil), gen.RegisterHandlersOptions{OperationMiddlewares: before})
	servePages(e, c.Pages)
	return e, serveContract(e)
}

func servePages(e *echo.Echo, pages []web.Route) {
	for _, p := range pages {
		if p.Method == http.MethodGet {
			readable(e, p.Path, echo.WrapHandler(p.Handler))
			continue
		}
		e.Add(p.Method, p.Path, echo.WrapHandler(p.Handler))
	}
}

// readable serves HEAD as well as GET (RFC 9110 section 9.1); net/http leaves the body out.
func readable(e *echo.Echo, path string, h echo.HandlerFunc) {
	e.Match([]string{http.MethodGet, http.MethodHead}, path, h)
}

func newEcho() *echo.Echo {
	e := echo.New()
	e.HTTPErrorHandler = writeError
	e.IPExtractor = echo.ExtractIPDirect() // the default trusts headers that anybody can send
	return e
}

// serveContract serves openapi.yaml as it was written, and as JSON.
func serveContract(e *echo.Echo) error {
	asJSON, err := gen.GetSpecJSON()
	if err != nil {
		return fmt.Errorf("read the embedded contract: %w", err)
	}
	document := func(path, mediaType string, body []byte) {
		readable(e, path, func(c echo.Context) error { return c.Blob(http.StatusOK, mediaType, body) })
	}
	document("/openapi.yaml", "application/yaml", refresh.OpenAPI)
	document("/openapi.json", echo.MIMEApplicationJSON, asJSON)
	return nil
}
