package problem

import (
	"net/http"
	"strings"
)

// OAuth returns a 400 with a code of RFC 6749, section 5.2. err is the error behind the answer; it
// may be nil.
func OAuth(code string, err error, causes ...string) *Error {
	e := New(http.StatusBadRequest, causes...)
	e.Kind, e.Description, e.Err = code, description(causes), err
	return e
}

// InvalidGrant returns the answer that an OAuth client receives in place of a 421 or 422. err is the
// error behind the answer; it may be nil.
func InvalidGrant(answer *Error, err error) *Error {
	e := OAuth("invalid_grant", err, answer.Causes...)
	e.Message = answer.Message
	return e
}

// InvalidClient returns a 401 with its challenge (RFC 6749, section 5.2).
func InvalidClient(cause string) *Error {
	e := Unauthorized(cause, `Basic realm="refreshd"`)
	e.Message, e.Kind, e.Description = "Client is not valid", "invalid_client", description(e.Causes)
	return e
}

// NoCredential returns a 401 for a program that has to send an API credential.
func NoCredential(cause string) *Error {
	e := Unauthorized(cause, `Basic realm="refreshd"`)
	e.Message = "API credential is missing or not valid"
	return e
}

// FeedReset returns the 409 for a caller that follows a feed of revocations which has lost entries.
func FeedReset(cause string) *Error { return New(http.StatusConflict, cause) }

// description returns the causes as an error_description may be written: printable ASCII without
// quotation marks and backslashes.
func description(causes []string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c == '"':
			return '\''
		case c < ' ', c > '~', c == '\\':
			return '?'
		}
		return c
	}, strings.Join(causes, "; "))
}
