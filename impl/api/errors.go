package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"kalsel.dev/refresh/gen"
	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/impl/token"
)

// maxBody is the size of the largest request body, in bytes (user's limit of a request: 16 KiB).
const maxBody = 16 << 10

// Problems with a request that are found before its JSON is looked at.
var (
	errTooLarge    = problem(http.StatusRequestEntityTooLarge, "Request is too large", "too_large", "the body must be at most 16384 bytes")
	errMediaType   = problem(http.StatusUnsupportedMediaType, "Media type is not supported", "unsupported_media_type", "Content-Type: must be application/json")
	errCoding      = problem(http.StatusUnsupportedMediaType, "Media type is not supported", "unsupported_media_type", "Content-Encoding: must be absent; send the JSON as it is")
	errInterrupted = problem(http.StatusBadRequest, "Request is not valid", "bad_request", "body: could not be read to its end")
)

// envelopeError is an error that is already an answer: gen.ErrorEnvelope with its fields in the order of the user's page.
type envelopeError struct {
	Status  int      `json:"status"`
	Message string   `json:"message"`
	Kind    string   `json:"error"`
	Causes  []string `json:"causes"`

	// challenge is the WWW-Authenticate of a 401.
	challenge string
}

func (e *envelopeError) Error() string { return e.Message }

func problem(status int, message, kind string, causes ...string) *envelopeError {
	if causes == nil {
		causes = []string{}
	}
	return &envelopeError{Status: status, Message: message, Kind: kind, Causes: causes}
}

func badRequest(causes ...string) error {
	return problem(http.StatusBadRequest, "Request is not valid", "bad_request", causes...)
}

func unauthorized(cause, challenge string) error {
	e := problem(http.StatusUnauthorized, "Access token is missing or not valid", "unauthorized", cause)
	e.challenge = challenge
	return e
}

func forbidden(cause string) error {
	return problem(http.StatusForbidden, "Not allowed", "forbidden", cause)
}

// envelope is the only place that turns errors into statuses. An error that it does not know is ours:
// 500, and nothing of its text leaves.
func envelope(err error) *envelopeError {
	var (
		ready *envelopeError
		body  *gen.InvalidBody
		fault token.Fault
		web   *echo.HTTPError
	)
	switch {
	case errors.As(err, &ready):
		return ready
	case errors.As(err, &body):
		return problem(http.StatusBadRequest, "Request is not valid", "bad_request", body.Causes...)
	case errors.Is(err, token.ErrExpired):
		return problem(http.StatusMisdirectedRequest, "Token expired", "jwt_error", token.ErrExpired.Error())
	case errors.As(err, &fault):
		return problem(http.StatusUnprocessableEntity, "Token is not valid", "jwt_error", fault.Error())
	case errors.Is(err, session.ErrKeysUnavailable):
		return problem(http.StatusServiceUnavailable, "Try again soon", "unavailable", session.ErrKeysUnavailable.Error())
	case errors.Is(err, revocation.ErrUnavailable), errors.Is(err, context.Canceled):
		return problem(http.StatusServiceUnavailable, "Try again soon", "unavailable", revocation.ErrUnavailable.Error())
	case errors.Is(err, revocation.ErrInvalid):
		return problem(http.StatusBadRequest, "Request is not valid", "bad_request", err.Error())
	case errors.Is(err, session.ErrNoRotation):
		return problem(http.StatusNotImplemented, "Not enabled on this server", "not_enabled",
			"rotation is off (--rotation/REFRESH_ROTATION): this server keeps no list of sessions")
	case errors.Is(err, session.ErrNoSession):
		return problem(http.StatusNotFound, "Not found", "not_found")
	case errors.As(err, &web) && web.Code == http.StatusBadRequest:
		return problem(http.StatusBadRequest, "Request is not valid", "bad_request", parameterCause(web))
	case errors.As(err, &web) && web.Code == http.StatusNotFound:
		return problem(http.StatusNotFound, "Not found", "not_found")
	case errors.As(err, &web) && web.Code == http.StatusMethodNotAllowed:
		return problem(http.StatusMethodNotAllowed, "Method not allowed", "method_not_allowed")
	}
	return problem(http.StatusInternalServerError, "Something went wrong on our side", "internal")
}

// parameterCause is what is wrong with a parameter that the generated code could not read. Its own words repeat the value.
func parameterCause(err *echo.HTTPError) string {
	const prefix = "Invalid format for parameter "
	message, _ := err.Message.(string)
	if name, _, ok := strings.Cut(strings.TrimPrefix(message, prefix), ":"); ok && strings.HasPrefix(message, prefix) {
		return name + ": is not what the contract asks for"
	}
	return "a parameter is not what the contract asks for"
}

// writeError is echo's error handler: every error of every route leaves as the envelope.
func writeError(err error, c echo.Context) {
	r := c.Response()
	if r.Committed {
		return
	}
	e := envelope(err)
	body, err := json.Marshal(e)
	if err != nil {
		r.WriteHeader(http.StatusInternalServerError)
		return
	}
	h := r.Header()
	h.Set(echo.HeaderContentType, echo.MIMEApplicationJSON)
	h.Set(echo.HeaderCacheControl, "no-store")
	switch e.Status {
	case http.StatusRequestEntityTooLarge:
		h.Set(echo.HeaderConnection, "close")
	case http.StatusUnauthorized:
		h.Set(echo.HeaderWWWAuthenticate, e.challenge)
	case http.StatusServiceUnavailable:
		h.Set(echo.HeaderRetryAfter, "1")
	}
	r.WriteHeader(e.Status)
	_, _ = r.Write(body) // the client has gone: nobody is left to tell
}
