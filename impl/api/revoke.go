package api

import (
	"context"
	"math"

	"kalsel.dev/refresh/gen"
	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/session"
)

// RevokeToken implements POST /api/v1/revoke.
func (h *handler) RevokeToken(
	ctx context.Context, r gen.RevokeTokenRequestObject,
) (gen.RevokeTokenResponseObject, error) {
	if err := h.sessions.Logout(ctx, r.Body.RefreshToken); err != nil {
		return nil, err
	}
	return gen.RevokeToken204Response{}, nil
}

// CreateRevocation implements POST /api/v1/admin/revocations.
func (h *handler) CreateRevocation(
	ctx context.Context, r gen.CreateRevocationRequestObject,
) (gen.CreateRevocationResponseObject, error) {
	ended, err := h.revoke(ctx, r.Body)
	if err != nil {
		return nil, err
	}
	answer := Revocation(ended)
	if ended.Kind == revocation.OfIdentity && h.sessions.Undated() {
		answer.Note = &h.undated
	}
	return gen.CreateRevocation200JSONResponse(answer), nil
}

func (h *handler) revoke(
	ctx context.Context, body *gen.RevocationRequest,
) (revocation.Revocation, error) {
	by := session.Origin{Actor: session.ActorAdmin + callerOf(ctx).Identity}
	if body.Reason != nil {
		by.Reason = *body.Reason
	}
	switch {
	case body.Identity != nil && body.Session != nil:
		return revocation.Revocation{}, badRequest("identity: must be left out if session is given")
	case body.Identity != nil:
		return h.sessions.RevokeIdentity(ctx, *body.Identity, by)
	case body.Session == nil:
		return revocation.Revocation{}, badRequest("identity: is required, or session")
	}
	id, err := revocation.ParseSessionID(*body.Session)
	if err != nil {
		const cause = "session: must be 64 lower-case hexadecimal digits"
		return revocation.Revocation{}, badRequest(cause)
	}
	return h.sessions.RevokeSession(ctx, id, "", by)
}

// defaultPage and maxPage are how many entries a list has; the contract says the same.
const (
	defaultPage = 100
	maxPage     = 1000
)

// ListRevocations implements GET /api/v1/admin/revocations.
func (h *handler) ListRevocations(
	ctx context.Context, r gen.ListRevocationsRequestObject,
) (gen.ListRevocationsResponseObject, error) {
	before, limit, err := pageOf(r.Params)
	if err != nil {
		return nil, err
	}
	// One more than asked for tells whether there is a next page.
	list, err := h.sessions.Revocations(ctx, before, limit+1)
	if err != nil {
		return nil, err
	}
	page := gen.ListRevocations200JSONResponse{Revocations: []gen.Revocation{}}
	if len(list) > limit {
		list = list[:limit]
		page.Next = &list[limit-1].Sequence
	}
	for _, one := range list {
		page.Revocations = append(page.Revocations, Revocation(one))
	}
	return page, nil
}

func pageOf(p gen.ListRevocationsParams) (before int64, limit int, err error) {
	before = math.MaxInt64
	var causes []string
	if p.Before != nil {
		if before = *p.Before; before < 1 {
			causes = append(causes, "before: must be at least 1")
		}
	}
	limit, wrong := pageLimit(p.Limit)
	if causes = append(causes, wrong...); causes != nil {
		return 0, 0, badRequest(causes...)
	}
	return before, limit, nil
}

// pageLimit returns the parameter limit of a list, or the causes if it is out of range.
func pageLimit(given *int32) (limit int, causes []string) {
	if given == nil {
		return defaultPage, nil
	}
	if *given < 1 || *given > maxPage {
		return 0, []string{"limit: must be from 1 to 1000"}
	}
	return int(*given), nil
}

// Revocation is r as the contract writes it.
func Revocation(r revocation.Revocation) gen.Revocation {
	out := gen.Revocation{Sequence: r.Sequence, Reason: r.Reason, RevokedAt: r.RevokedAt / 1000}
	if r.Identity != "" {
		out.Identity = &r.Identity
	}
	if r.Actor != "" {
		out.Actor = &r.Actor
	}
	if r.Kind == revocation.OfSession {
		id := r.Session.String()
		out.Session = &id
	}
	if r.KeptUntil != revocation.Forever {
		until := r.KeptUntil / 1000
		out.KeptUntil = &until
	}
	return out
}
