// Package problem turns errors into answers. Every error of every route leaves the service as the
// error envelope, whether the answer is given before the router, behind it or beside it.
package problem

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"kalsel.dev/refresh/gen"
	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/impl/token"
)

// Error is an error that is already an answer: gen.ErrorEnvelope with its fields in the order of
// the user's page, and the header fields that go with it.
type Error struct {
	Status  int      `json:"status"`
	Message string   `json:"message"`
	Kind    string   `json:"error"`
	Causes  []string `json:"causes"`
	// Description is the error_description of an OAuth error (RFC 6749 section 5.2).
	Description string `json:"error_description,omitempty"`

	// Challenge is the WWW-Authenticate of a 401.
	Challenge string `json:"-"`
	// LogCauses are the causes for the log: they hold no name that a caller chose.
	LogCauses []string `json:"-"`
	// RetryAfter is the Retry-After of the answer, rounded up to a second. Zero: no such header.
	RetryAfter time.Duration `json:"-"`
	// CallersFault says that a 5xx is the fault neither of the service nor of a dependency.
	CallersFault bool `json:"-"`
	// Err is the error behind an answer that another one replaced; it may be nil.
	Err error `json:"-"`
}

// Error returns the message of the envelope.
func (e *Error) Error() string { return e.Message }

// Unwrap returns the error behind the answer.
func (e *Error) Unwrap() error { return e.Err }

// New returns the envelope of a status. Message and kind follow from the status.
func New(status int, causes ...string) *Error {
	if causes == nil {
		causes = []string{}
	}
	e := &Error{Status: status, Causes: causes, LogCauses: causes}
	e.Message, e.Kind = title(status)
	if status == http.StatusServiceUnavailable {
		e.RetryAfter = time.Second
	}
	return e
}

// Unauthorized returns a 401 with its challenge (RFC 6750 section 3).
func Unauthorized(cause, challenge string) *Error {
	e := New(http.StatusUnauthorized, cause)
	e.Challenge = challenge
	return e
}

// The causes of a 403: an operation needs more than an acceptable access token.
const (
	CauseNotFresh         = "the access token is not fresh: log in again"
	CauseNotAdministrator = "the access token is not an administrator's"
)

// OfAccessToken returns a 401 (RFC 6750 section 3.1) if err says that a token is not acceptable,
// and err itself otherwise.
func OfAccessToken(err error) error {
	cause, ok := tokenCause(err)
	if !ok {
		return err
	}
	return Unauthorized(cause, `Bearer error="invalid_token"`)
}

// tokenCause returns the public text of a fault of a token. ok is false for any other error.
func tokenCause(err error) (cause string, ok bool) {
	if rejection, ok := errors.AsType[*token.Rejection](err); ok {
		return rejection.Error(), true
	}
	fault, ok := errors.AsType[token.Fault](err)
	return fault.Error(), ok
}

// title returns the message and the kind of a status.
func title(status int) (message, kind string) {
	switch status {
	case http.StatusBadRequest:
		return "Request is not valid", "bad_request"
	case http.StatusUnauthorized:
		return "Access token is missing or not valid", "unauthorized"
	case http.StatusForbidden:
		return "Not allowed", "forbidden"
	case http.StatusNotFound:
		return "Not found", "not_found"
	case http.StatusMethodNotAllowed:
		return "Method not allowed", "method_not_allowed"
	case http.StatusConflict:
		return "The feed begins anew", "feed_reset"
	case http.StatusRequestEntityTooLarge:
		return "Request is too large", "too_large"
	case http.StatusUnsupportedMediaType:
		return "Media type is not supported", "unsupported_media_type"
	case http.StatusMisdirectedRequest:
		return "Token expired", "jwt_error"
	case http.StatusUnprocessableEntity:
		return "Token is not valid", "jwt_error"
	case http.StatusTooManyRequests:
		return "Too many requests", "rate_limiter"
	case http.StatusNotImplemented:
		return "Not enabled on this server", "not_enabled"
	case http.StatusServiceUnavailable:
		return "Try again soon", "unavailable"
	}
	return "Something went wrong on our side", "internal"
}

// Of returns the answer to an error. It is the only place that turns errors into statuses. An error
// that it does not know is a fault of the service: 500, and nothing of the error's text leaves.
func Of(err error) *Error {
	if ready, ok := errors.AsType[*Error](err); ok {
		return ready
	}
	if body, ok := errors.AsType[*gen.InvalidBody](err); ok {
		e := New(http.StatusBadRequest, body.Causes...)
		e.LogCauses = withoutStrangeNames(body.Causes)
		return e
	}
	if errors.Is(err, token.ErrExpired) {
		return New(http.StatusMisdirectedRequest, token.ErrExpired.Error())
	}
	if cause, ok := tokenCause(err); ok {
		return New(http.StatusUnprocessableEntity, cause)
	}
	if early, ok := errors.AsType[*token.Early](err); ok {
		e := unavailable(early, early)
		e.CallersFault = true
		return e
	}
	switch {
	case errors.Is(err, session.ErrKeysUnavailable):
		return unavailable(session.ErrKeysUnavailable, err)
	case errors.Is(err, session.ErrUserService):
		return unavailable(session.ErrUserService, err)
	case errors.Is(err, revocation.ErrClock):
		return unavailable(revocation.ErrClock, err)
	case errors.Is(err, revocation.ErrUnavailable), errors.Is(err, context.Canceled):
		return unavailable(revocation.ErrUnavailable, err)
	case errors.Is(err, revocation.ErrInvalid):
		return New(http.StatusBadRequest, err.Error())
	case errors.Is(err, session.ErrNoRotation):
		return New(http.StatusNotImplemented, session.ErrNoRotation.Error())
	case errors.Is(err, session.ErrNoSession):
		return New(http.StatusNotFound, session.ErrNoSession.Error())
	}
	return New(http.StatusInternalServerError)
}

// withoutStrangeNames returns the causes of an invalid body without the names of members that do
// not look like those of the contract: a caller may have put a token there.
func withoutStrangeNames(causes []string) []string {
	safe := make([]string, len(causes))
	for i, cause := range causes {
		name, fault, _ := strings.Cut(cause, ": ")
		if len(name) > 16 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz_") != "" {
			name = "a name"
		}
		safe[i] = name + ": " + fault
	}
	return safe
}

// unavailable returns a 503 with a public cause. An error that knows when a retry can succeed says
// so.
func unavailable(cause, err error) *Error {
	e := New(http.StatusServiceUnavailable, cause.Error())
	if timed, ok := errors.AsType[interface {
		error
		RetryAfter() time.Duration
	}](err); ok {
		e.RetryAfter = max(e.RetryAfter, timed.RetryAfter())
	}
	return e
}
