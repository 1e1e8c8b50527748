package api

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"kalsel.dev/refresh/impl/token"
)

// callerKey is where the request's context holds the verified access token.
type callerKey struct{}

// authenticated lets a request through that carries an acceptable access token (RFC 6750 section 2.1), and no other.
func (h *handler) authenticated(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		caller, err := h.caller(r)
		if err != nil {
			return err
		}
		c.SetRequest(r.WithContext(context.WithValue(r.Context(), callerKey{}, caller)))
		return next(c)
	}
}

func (h *handler) caller(r *http.Request) (*token.Token, error) {
	scheme, raw, _ := strings.Cut(r.Header.Get(echo.HeaderAuthorization), " ")
	if !strings.EqualFold(scheme, "Bearer") || len(r.Header.Values(echo.HeaderAuthorization)) != 1 {
		return nil, unauthorized("Authorization: must be Bearer and an access token", "Bearer")
	}
	t, err := h.sessions.Authenticate(r.Context(), strings.TrimSpace(raw))
	if fault, ok := errors.AsType[token.Fault](err); ok {
		return nil, unauthorized(fault.Error(), `Bearer error="invalid_token"`)
	}
	return t, err
}

// administrators lets through who is an administrator and just logged in: a token that is not fresh cannot do admin
// work (the user's rule).
func administrators(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if err := administrator(callerOf(c.Request().Context())); err != nil {
			return err
		}
		return next(c)
	}
}

func administrator(caller *token.Token) error {
	switch {
	case !caller.Admin:
		return forbidden("the access token is not an administrator's")
	case !caller.Fresh:
		return forbidden("the access token is not fresh: log in again")
	}
	return nil
}

func callerOf(ctx context.Context) *token.Token {
	t, _ := ctx.Value(callerKey{}).(*token.Token)
	return t
}
