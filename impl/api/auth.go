package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"kalsel.dev/refresh/impl/audit"
	"kalsel.dev/refresh/impl/problem"
	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/impl/token"
)

// callerKey is the key of the verified access token in the request's context.
type callerKey struct{}

// authenticated requires an acceptable access token (RFC 6750 section 2.1).
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
	headers := r.Header[echo.HeaderAuthorization]
	if len(headers) > 1 {
		return nil, problem.Unauthorized("Authorization: must be sent once", "Bearer")
	}
	scheme, raw, _ := strings.Cut(strings.Join(headers, ""), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		const cause = "Authorization: must be Bearer and an access token"
		return nil, problem.Unauthorized(cause, "Bearer")
	}
	t, err := h.sessions.Authenticate(r.Context(), strings.TrimSpace(raw))
	if err != nil {
		return nil, problem.OfAccessToken(err)
	}
	return t, nil
}

// administrators requires the access token of an administrator who has just logged in. It rejects an
// access token that a refresh made (the user's rule), and a token whose login is too long ago.
// operation is for the audit stream.
func (h *handler) administrators(operation string) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			ctx := c.Request().Context()
			if err := h.administer(ctx, operation, ""); err != nil {
				return err
			}
			return next(c)
		}
	}
}

// administer returns a 403 if the caller may not administer, and reports either case. identity is
// the user whom the operation concerns, if it is known.
func (h *handler) administer(ctx context.Context, operation, identity string) error {
	caller := callerOf(ctx)
	e := audit.Event{
		Name:     audit.Administration,
		Cause:    operation,
		Identity: identity,
		Actor:    session.ActorAdmin + caller.Identity,
	}
	cause, detail := h.notAdministrator(caller)
	if cause != "" {
		e.Name, e.Cause, e.Detail = audit.AdministrationRefused, cause, operation+": "+detail
		e.Actor = session.ActorUser + caller.Identity
	}
	h.audit.Record(ctx, e)
	if cause != "" {
		return problem.New(http.StatusForbidden, detail)
	}
	return nil
}

// notAdministrator returns why the caller may not administer: a word for the audit stream, and the
// cause for the answer. Both are empty if the caller may.
func (h *handler) notAdministrator(caller *token.Token) (cause, detail string) {
	switch maxAge := h.admin.MaxAge; {
	case !caller.Admin:
		return "not_administrator", problem.CauseNotAdministrator
	case !caller.Fresh:
		return "not_fresh", problem.CauseNotFresh
	case maxAge == 0:
	case !caller.HasIssuedAt:
		return "no_iat", "the access token has no iat: without it, its age cannot be checked (" +
			h.admin.Setting + ")"
	case h.admin.Now().Sub(time.Unix(caller.IssuedAt, 0)) > maxAge:
		return "too_old", "the login was too long ago (" + h.admin.Setting + "): log in again"
	}
	return "", ""
}

func callerOf(ctx context.Context) *token.Token {
	t, _ := ctx.Value(callerKey{}).(*token.Token)
	return t
}
