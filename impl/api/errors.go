package api

import (
	"cmp"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"kalsel.dev/refresh/impl/problem"
	"kalsel.dev/refresh/impl/session"
)

// errClientGone marks an answer that could not be delivered.
var errClientGone = errors.New("the client hung up")

// fail is echo's error handler: it answers with the envelope of err.
func (h *handler) fail(err error, c echo.Context) {
	if c.Response().Committed { // the answer broke off, which the client notices
		return
	}
	web, isWeb := errors.AsType[*echo.HTTPError](err)
	switch {
	case errors.Is(err, session.ErrNoRotation):
		err = problem.New(http.StatusNotImplemented, h.rotationOff)
	case !isWeb:
	case web.Code == http.StatusBadRequest:
		err = problem.New(web.Code, parameterCause(web))
	case web.Code == http.StatusNotFound:
		err = problem.New(web.Code, h.pathCause(c.Request().URL.Path))
	case web.Code == http.StatusMethodNotAllowed:
		err = problem.New(web.Code, methodCause(c))
	}
	problem.Write(c.Response().Writer, err)
}

func badRequest(causes ...string) error { return problem.New(http.StatusBadRequest, causes...) }

// parameterCause returns a cause for a parameter that the generated code could not read. The text
// of the generated code would repeat the value.
func parameterCause(err *echo.HTTPError) string {
	const once = ": must be sent once"
	message, _ := err.Message.(string)
	if rest, ok := strings.CutPrefix(message, "Expected one value for "); ok {
		name, _, _ := strings.Cut(rest, ",")
		return name + once
	}
	rest, ok := strings.CutPrefix(message, "Invalid format for parameter ")
	name, fault, _ := strings.Cut(rest, ": ")
	switch {
	case !ok:
		return "a parameter has an invalid format"
	case strings.HasPrefix(fault, "multiple values"):
		return name + once
	case strings.Contains(fault, "strconv.ParseInt"):
		return name + ": must be a whole number"
	case strings.Contains(fault, "overflows"):
		return name + ": is out of range"
	}
	return name + ": has an invalid format"
}

// operation returns the operation of a route, as openapi.yaml writes it: methods and path.
func operation(methods []string, path string) string {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		if name, ok := strings.CutPrefix(s, ":"); ok {
			segments[i] = "{" + name + "}"
		}
	}
	methods = slices.DeleteFunc(methods, func(m string) bool {
		return m == http.MethodHead || m == http.MethodOptions // they come with each path
	})
	return strings.Join(methods, " or ") + " " + strings.Join(segments, "/")
}

// pathCause returns a cause that names the operation whose path is most like the requested one (the
// shortest if there are several), or the listener that serves it. It repeats nothing of the request.
func (h *handler) pathCause(requested string) string {
	const none = "no operation has this path: "
	switch requested {
	case "/healthz", "/readyz", "/metrics":
		return none + "it is served at the address of " + h.opsListen
	}
	segments := strings.Split(strings.ToLower(requested), "/")
	paths := slices.SortedFunc(maps.Keys(h.operations), func(a, b string) int {
		return cmp.Or(strings.Count(a, "/")-strings.Count(b, "/"), strings.Compare(a, b))
	})
	for _, segment := range slices.Backward(segments) {
		for _, path := range paths {
			if segment != "" && strings.HasSuffix(path, "/"+segment) {
				return none + "use " + operation(slices.Clone(h.operations[path]), path)
			}
		}
	}
	return none + "GET /openapi.json lists all operations"
}

// methodCause returns a cause that names the methods of the requested path.
func methodCause(c echo.Context) string {
	allowed := strings.Split(c.Response().Header().Get(echo.HeaderAllow), ", ")
	return "this path has no such method: use " + operation(allowed, c.Path())
}
