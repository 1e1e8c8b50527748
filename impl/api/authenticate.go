package api

import (
	"context"
	"encoding/base64"
	"net/http"
	"strings"

	"kalsel.dev/refresh/gen"
	"kalsel.dev/refresh/impl/problem"
	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/impl/token"
)

// unknown is the value of a header that has no value. A header that is absent or empty might leave
// the client's own header of that name in place.
const unknown = "-"

// maxClaims is the length of the longest header with claims.
const maxClaims = 4096

// Authenticate implements GET /api/v1/authenticate.
func (h *handler) Authenticate(
	ctx context.Context, r gen.AuthenticateRequestObject,
) (gen.AuthenticateResponseObject, error) {
	return answerTo(callerOf(ctx), r.Params.Claims), nil
}

// AuthenticateFresh implements GET /api/v1/authenticate/fresh.
func (h *handler) AuthenticateFresh(
	ctx context.Context, r gen.AuthenticateFreshRequestObject,
) (gen.AuthenticateFreshResponseObject, error) {
	caller := callerOf(ctx)
	if !caller.Fresh {
		return nil, problem.New(http.StatusForbidden, problem.CauseNotFresh)
	}
	return answerTo(caller, r.Params.Claims), nil
}

// AuthenticateAdmin implements GET /api/v1/authenticate/admin.
func (h *handler) AuthenticateAdmin(
	ctx context.Context, r gen.AuthenticateAdminRequestObject,
) (gen.AuthenticateAdminResponseObject, error) {
	caller := callerOf(ctx)
	if !caller.Admin {
		return nil, problem.New(http.StatusForbidden, problem.CauseNotAdministrator)
	}
	return answerTo(caller, r.Params.Claims), nil
}

// authenticated200 is the answer to a gateway. It has no body.
type authenticated200 struct{ identity, session, claims string }

func answerTo(t *token.Token, claims *bool) authenticated200 {
	a := authenticated200{identity: escaped(t.Identity), session: unknown, claims: unknown}
	if id := session.IDOfAccess(t); id != (revocation.SessionID{}) {
		a.session = id.String()
	}
	length := base64.RawURLEncoding.EncodedLen(len(t.Payload))
	if claims != nil && *claims && length <= maxClaims {
		a.claims = base64.RawURLEncoding.EncodeToString([]byte(t.Payload))
	}
	return a
}

// escaped returns an identity as a header can have it: all bytes but ASCII letters, digits and
// .@_+- are percent-encoded, and so is a lone -, which stands for no identity.
func escaped(identity string) string {
	const digits = "0123456789ABCDEF"
	if identity == unknown {
		return "%2D"
	}
	plain := func(c byte) bool {
		return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
			strings.IndexByte(".@_+-", c) >= 0
	}
	var b strings.Builder
	for i := range len(identity) {
		if c := identity[i]; plain(c) {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
		}
	}
	return b.String()
}

func (a authenticated200) write(w http.ResponseWriter) error {
	h := w.Header()
	h["X-Auth-Identity"] = []string{a.identity}
	h["X-Auth-Session"] = []string{a.session}
	h["X-Auth-Claims"] = []string{a.claims}
	w.WriteHeader(http.StatusOK)
	return nil
}

// VisitAuthenticateResponse implements gen.AuthenticateResponseObject.
func (a authenticated200) VisitAuthenticateResponse(w http.ResponseWriter) error {
	return a.write(w)
}

// VisitAuthenticateFreshResponse implements gen.AuthenticateFreshResponseObject.
func (a authenticated200) VisitAuthenticateFreshResponse(w http.ResponseWriter) error {
	return a.write(w)
}

// VisitAuthenticateAdminResponse implements gen.AuthenticateAdminResponseObject.
func (a authenticated200) VisitAuthenticateAdminResponse(w http.ResponseWriter) error {
	return a.write(w)
}
