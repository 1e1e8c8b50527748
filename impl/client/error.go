package client

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"kalsel.dev/refresh/gen"
)

// Error is an answer of the refresh service that is not a success. It wraps [ErrLoginRequired] if
// the refresh service answered 421 or 422, [ErrTemporary] for failures that can pass, and no error
// for mistakes of the caller (400 and the like).
type Error struct {
	// Status is the HTTP status.
	Status int
	// Kind is the field error of the answer. It is empty if the answer is not from a refresh
	// service.
	Kind string
	// Message and Causes are texts of the server, for people.
	Message string
	Causes  []string
	// RetryAfter is the time that the server asked to wait. It is 0 if the server did not ask.
	RetryAfter time.Duration
}

func (e *Error) Error() string {
	return fmt.Sprintf("the refresh service answered %d: %s %q", e.Status, e.Message, e.Causes)
}

// Unwrap returns the error that the status stands for. A proxy may answer 421 or 422 too: only an
// answer of the refresh service means that the user must log in.
func (e *Error) Unwrap() error {
	switch {
	case e.Status == http.StatusMisdirectedRequest, e.Status == http.StatusUnprocessableEntity:
		if e.Kind == "jwt_error" {
			return ErrLoginRequired
		}
		return ErrTemporary
	case e.Status == http.StatusTooManyRequests, e.Status == http.StatusRequestTimeout,
		e.Status == http.StatusTooEarly, e.Status >= 500,
		e.Status < 400: // a proxy or a hotel's login page answered in place of the service
		return ErrTemporary
	}
	return nil
}

func newError(response *http.Response, body []byte, now time.Time) *Error {
	var envelope gen.ErrorEnvelope
	if json.Unmarshal(body, &envelope) != nil || envelope.Error == "" {
		envelope = gen.ErrorEnvelope{
			Message: "this is not an answer of a refresh service, check the URL in Config.Server",
		}
	}
	return &Error{
		Status:     response.StatusCode,
		Kind:       envelope.Error,
		Message:    envelope.Message,
		Causes:     envelope.Causes,
		RetryAfter: retryAfter(response.Header, now),
	}
}

// retryAfter reads Retry-After, which is a number of seconds or a date. A date is compared with the
// Date of the same answer if there is one, because the local clock may be wrong.
func retryAfter(header http.Header, now time.Time) time.Duration {
	value := header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	if date, err := http.ParseTime(header.Get("Date")); err == nil {
		now = date
	}
	return max(at.Sub(now), 0)
}
