package problem_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"kalsel.dev/refresh/gen"
	"kalsel.dev/refresh/impl/problem"
	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/impl/token"
)

// later is an error that knows when a retry can succeed.
type later struct{ time.Duration }

func (later) Error() string               { return "secret detail" }
func (l later) RetryAfter() time.Duration { return l.Duration }

// TestWrite shows the answer to each kind of error: status, body and header fields.
func TestWrite(t *testing.T) {
	const unavailable = `{"status":503,"message":"Try again soon","error":"unavailable","causes":` +
		`["the session store is not available"]}`
	secret := errors.New("secret detail")
	for name, c := range map[string]struct {
		err    error
		status int
		body   string
		header map[string]string
	}{
		"invalid body": {
			&gen.InvalidBody{Causes: []string{"limit: must be at least 10"}}, 400,
			`{"status":400,"message":"Request is not valid","error":"bad_request","causes":` +
				`["limit: must be at least 10"]}`, nil,
		},
		"expired": {
			fmt.Errorf("%w: %w", token.ErrExpired, secret), 421,
			`{"status":421,"message":"Token expired","error":"jwt_error",` +
				`"causes":["token has expired"]}`, nil,
		},
		"signature": {
			token.ErrSignature, 422,
			`{"status":422,"message":"Token is not valid","error":"jwt_error",` +
				`"causes":["signature is invalid"]}`, nil,
		},
		"access token": {
			problem.OfAccessToken(token.ErrExpired), 401,
			`{"status":401,"message":"Access token is missing or not valid","error":"unauthorized",` +
				`"causes":` +
				`["token has expired"]}`,
			map[string]string{"WWW-Authenticate": `Bearer error="invalid_token"`},
		},
		"token that teaches": {
			&token.Rejection{Fault: token.ErrMalformed, Cause: "it is empty"}, 422,
			`{"status":422,"message":"Token is not valid","error":"jwt_error",` +
				`"causes":["token is malformed: it is empty"]}`, nil,
		},
		"access token that is early": {
			problem.OfAccessToken(&token.Early{Missing: 4 * time.Second}), 503,
			`{"status":503,"message":"Try again soon","error":"unavailable","causes":` +
				`["token is not valid yet: the clock of the login is ahead of this server's clock"]}`,
			map[string]string{"Retry-After": "4"},
		},
		"token that is early": {
			&token.Early{Missing: 5 * time.Minute}, 503,
			`{"status":503,"message":"Try again soon","error":"unavailable","causes":` +
				`["token is not valid yet: the clock of the login is ahead of this server's clock"]}`,
			map[string]string{"Retry-After": "60"},
		},
		"store": {
			fmt.Errorf("%w: %w", revocation.ErrUnavailable, secret), 503, unavailable,
			map[string]string{"Retry-After": "1"},
		},
		"store, while an access token is looked up": {
			problem.OfAccessToken(revocation.ErrUnavailable), 503, unavailable,
			map[string]string{"Retry-After": "1"},
		},
		"store, later": {
			fmt.Errorf("%w: %w", revocation.ErrUnavailable, later{1500 * time.Millisecond}),
			503, unavailable,
			map[string]string{"Retry-After": "2"},
		},
		"store, at once": {
			fmt.Errorf("%w: %w", revocation.ErrUnavailable, later{}), 503, unavailable,
			map[string]string{"Retry-After": "1"},
		},
		"client hung up": {context.Canceled, 503, unavailable, nil},
		"keys": {
			session.ErrKeysUnavailable, 503,
			`{"status":503,"message":"Try again soon","error":"unavailable","causes":` +
				`["the keys of the login service are not available"]}`, nil,
		},
		"no session": {
			session.ErrNoSession, 404,
			`{"status":404,"message":"Not found","error":"not_found",` +
				`"causes":["there is no such session"]}`, nil,
		},
		"OAuth, with signs that error_description must not have": {
			problem.OAuth("invalid_request", secret, `a "b" \ é`, "\x1f~"), 400,
			`{"status":400,"message":"Request is not valid","error":"invalid_request",` +
				`"causes":["a \"b\" \\ é","\u001f~"],"error_description":"a 'b' ? ?; ?~"}`,
			map[string]string{"Pragma": "no-cache"},
		},
		"OAuth client": {
			problem.InvalidClient("a"), 401,
			`{"status":401,"message":"Client is not valid","error":"invalid_client",` +
				`"causes":["a"],"error_description":"a"}`,
			map[string]string{"WWW-Authenticate": `Basic realm="refreshd"`, "Pragma": "no-cache"},
		},
		"too large": {
			problem.New(413), 413,
			`{"status":413,"message":"Request is too large","error":"too_large","causes":[]}`,
			map[string]string{"Connection": "close"},
		},
		"any other": {
			secret, 500,
			`{"status":500,"message":"Something went wrong on our side","error":"internal",` +
				`"causes":[]}`, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := httptest.NewRecorder()
			problem.Write(w, c.err)
			if w.Code != c.status || w.Body.String() != c.body {
				t.Errorf("got %d %s", w.Code, w.Body)
			}
			if w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("headers %v", w.Header())
			}
			for name, want := range c.header {
				if got := w.Header().Get(name); got != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
		})
	}
}

// recorder notes the error of a request, and wrapped hides it as a router does.
type recorder struct {
	http.ResponseWriter
	err error
}

func (r *recorder) RecordError(_ *problem.Error, err error) { r.err = err }

type wrapped struct{ http.ResponseWriter }

func (w wrapped) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func TestWriteTellsTheRecorder(t *testing.T) {
	r := &recorder{ResponseWriter: httptest.NewRecorder()}
	problem.Write(wrapped{r}, token.ErrSignature)
	if !errors.Is(r.err, token.ErrSignature) {
		t.Errorf("recorded %v", r.err)
	}
}
