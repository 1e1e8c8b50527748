package api

import (
	"errors"
	"net/http"
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
	case web.Code == http.StatusNotFound, web.Code == http.StatusMethodNotAllowed:
		err = problem.New(web.Code)
	}
	problem.Write(c.Response().Writer, err)
}

func badRequest(causes ...string) error { return problem.New(http.StatusBadRequest, causes...) }

// parameterCause returns a cause for a parameter that the generated code could not read. The text
// of the generated code would repeat the value.
func parameterCause(err *echo.HTTPError) string {
	message, _ := err.Message.(string)
	rest, ok := strings.CutPrefix(message, "Invalid format for parameter ")
	if name, _, found := strings.Cut(rest, ":"); ok && found {
		return name + ": has an invalid format"
	}
	return "a parameter has an invalid format"
}
