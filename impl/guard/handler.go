package guard

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"kalsel.dev/refresh/impl/problem"
)

type callerKey struct{}

// Handler passes requests with an acceptable access token (Authorization: Bearer, RFC 6750) on to
// next. It answers 401 to others, and 503 with Retry-After if it cannot decide now. The errors have
// the form that the errors of refreshd have.
func (g *Guard) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		headers := r.Header["Authorization"]
		scheme, raw, _ := strings.Cut(strings.Join(headers, ""), " ")
		if len(headers) != 1 || !strings.EqualFold(scheme, "Bearer") {
			problem.Write(w, problem.Unauthorized(
				"Authorization: must be Bearer and an access token, sent once", "Bearer"))
			return
		}
		caller, err := g.Check(r.Context(), strings.TrimSpace(raw))
		if err != nil {
			problem.Write(w, answerTo(err))
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, caller)))
	})
}

// answerTo returns the answer to a token that is not accepted.
func answerTo(err error) error {
	if errors.Is(err, ErrUnavailable) {
		return problem.New(http.StatusServiceUnavailable, err.Error())
	}
	return problem.OfAccessToken(err)
}

// CallerOf returns the sender of a request that has passed Handler, and nil for any other request.
func CallerOf(ctx context.Context) *Caller {
	c, _ := ctx.Value(callerKey{}).(*Caller)
	return c
}

// RequireFresh passes on requests whose user has just typed a password, and answers 403 to others.
// It stands behind Handler.
func RequireFresh(next http.Handler) http.Handler {
	return require(next, problem.CauseNotFresh, func(c *Caller) bool { return c.Fresh })
}

// RequireAdmin passes on requests of administrators, and answers 403 to others. It stands behind
// Handler.
func RequireAdmin(next http.Handler) http.Handler {
	return require(next, problem.CauseNotAdministrator, func(c *Caller) bool { return c.Admin })
}

// RequireSession passes on requests whose access token names its session, and answers 403 to others:
// a single logout does not reach the access tokens that the login itself has signed. It stands
// behind Handler.
func RequireSession(next http.Handler) http.Handler {
	return require(next, "the access token names no session: refresh it",
		func(c *Caller) bool { return c.Session != "" })
}

func require(next http.Handler, cause string, allows func(*Caller) bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c := CallerOf(r.Context()); c == nil || !allows(c) {
			problem.Write(w, problem.New(http.StatusForbidden, cause))
			return
		}
		next.ServeHTTP(w, r)
	})
}
