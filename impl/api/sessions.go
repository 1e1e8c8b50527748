package api

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"

	"kalsel.dev/refresh/gen"
	"kalsel.dev/refresh/impl/caller"
	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/session"
)

// clientKey is the key of the session.Client in the request's context, in rotation mode.
type clientKey struct{}

// withClient notes the client of a refresh.
func withClient(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		from := session.Client{UserAgent: r.UserAgent(), Address: c.RealIP()}
		c.SetRequest(r.WithContext(context.WithValue(r.Context(), clientKey{}, from)))
		return next(c)
	}
}

// clientAddress returns the client's address as the edge knows it.
func clientAddress(r *http.Request) string {
	if address := caller.Of(r.Context()).Address; address.IsValid() {
		return address.String()
	}
	return echo.ExtractIPDirect()(r)
}

// ListSessions implements GET /api/v1/sessions.
func (h *handler) ListSessions(
	ctx context.Context, r gen.ListSessionsRequestObject,
) (gen.ListSessionsResponseObject, error) {
	caller := callerOf(ctx)
	identity, limit, err := h.listedIdentity(ctx, r.Params)
	if err != nil {
		return nil, err
	}
	rows, err := h.sessions.SessionsOf(ctx, identity, limit)
	if err != nil {
		return nil, err
	}
	list := gen.ListSessions200JSONResponse{Sessions: make([]gen.Session, 0, len(rows))}
	current := session.IDOfAccess(caller)
	for i := range rows {
		one := &rows[i]
		list.Sessions = append(list.Sessions, gen.Session{
			ID:        one.ID.String(),
			Started:   one.StartedAt / 1000,
			LastUsed:  one.LastUsedAt / 1000,
			Expires:   one.ExpiresAt / 1000,
			UserAgent: one.UserAgent,
			Current:   one.ID == current,
		})
	}
	return list, nil
}

// listedIdentity returns the identity whose sessions are listed, and how many. Only an
// administrator may list the sessions of another identity.
func (h *handler) listedIdentity(
	ctx context.Context, p gen.ListSessionsParams,
) (identity string, limit int, err error) {
	own := callerOf(ctx).Identity
	identity = own
	var causes []string
	if p.Identity != nil {
		if identity = *p.Identity; identity == "" {
			causes = append(causes, "identity: must have at least 1 character")
		}
	}
	limit, wrong := pageLimit(p.Limit)
	causes = append(causes, wrong...)
	switch {
	case causes != nil:
		return "", 0, badRequest(causes...)
	case identity != own:
		return identity, limit, h.administer(ctx, "list_sessions", identity)
	}
	return identity, limit, nil
}

// EndSession implements DELETE /api/v1/sessions/{id}.
func (h *handler) EndSession(
	ctx context.Context, r gen.EndSessionRequestObject,
) (gen.EndSessionResponseObject, error) {
	caller := callerOf(ctx)
	id, err := revocation.ParseSessionID(r.ID)
	if err != nil {
		id = revocation.SessionID{} // no session has it: 404
	}
	identity := caller.Identity
	by := session.Origin{Actor: session.ActorUser + identity, Reason: "ended by its owner"}
	if cause, _ := h.notAdministrator(caller); cause == "" {
		identity = ""
		by.Actor, by.Reason = session.ActorAdmin+caller.Identity, "ended by an administrator"
	}
	if err := h.sessions.RevokeOwn(ctx, id, identity, by); err != nil {
		return nil, err
	}
	return gen.EndSession204Response{}, nil
}
