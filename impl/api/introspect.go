package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"kalsel.dev/refresh/gen"
	"kalsel.dev/refresh/impl/credential"
	"kalsel.dev/refresh/impl/problem"
	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/impl/token"
)

// withCredential requires an API credential with a scope.
func withCredential(
	all *credential.File, scope string, refuse func(cause string) *problem.Error,
) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			sent := c.Request().Header[echo.HeaderAuthorization]
			one, ok := all.Check(strings.Join(sent, ""))
			if len(sent) > 1 || !ok {
				refused := refuse("Authorization: must be Basic with the name and the " +
					"secret of an API credential, or Bearer with the secret")
				// The challenge has the scheme that the caller used (RFC 6749, section 5.2).
				if len(sent) == 1 && isBearer(sent[0]) {
					refused.Challenge = `Bearer realm="refreshd", error="invalid_token"`
				}
				return refused
			}
			if !one.Has(scope) {
				return problem.New(http.StatusForbidden,
					"the API credential does not have the scope "+scope)
			}
			return next(c)
		}
	}
}

func isBearer(authorization string) bool {
	scheme, _, _ := strings.Cut(authorization, " ")
	return strings.EqualFold(scheme, "Bearer")
}

// OauthIntrospect implements POST /oauth2/introspect.
func (h *handler) OauthIntrospect(
	ctx context.Context, r gen.OauthIntrospectRequestObject,
) (gen.OauthIntrospectResponseObject, error) {
	const hintRefresh = "refresh_token"
	asksRefresh := r.Body.TokenTypeHint != nil && *r.Body.TokenTypeHint == hintRefresh
	t, isRefresh, err := h.sessions.Introspect(ctx, r.Body.Token, asksRefresh)
	if err != nil {
		return nil, err
	}
	answer := introspection{"active": json.RawMessage("false")}
	if t != nil {
		tokenType := "Bearer"
		if isRefresh {
			tokenType = hintRefresh
		}
		if answer, err = introspected(t, tokenType); err != nil {
			return nil, err
		}
	}
	return answer, nil
}

// introspection is the answer of an introspection: the members as JSON. Claims keep the form that
// the token gives them.
type introspection map[string]json.RawMessage

// introspected returns the members for a valid token. The members of RFC 7662 win over claims of
// the same name.
func introspected(t *token.Token, tokenType string) (introspection, error) {
	members := introspection{}
	if err := json.Unmarshal([]byte(t.Payload), &members); err != nil {
		return nil, err
	}
	set := map[string]any{
		"active":     true,
		"sub":        t.Identity,
		"token_type": tokenType,
		"exp":        t.Expires,
	}
	if t.HasIssuedAt {
		set["iat"] = t.IssuedAt
	}
	for name, value := range set {
		raw, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		members[name] = raw
	}
	for name, value := range map[string]string{
		"scope":     textOf(t, "scope"),
		"client_id": session.ClientOf(t),
	} {
		delete(members, name) // a claim of another type is not the member of RFC 7662
		if value == "" {
			continue
		}
		raw, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		members[name] = raw
	}
	return members, nil
}

func textOf(t *token.Token, claim string) string {
	value, _ := t.Text(claim)
	return value
}

// VisitOauthIntrospectResponse implements gen.OauthIntrospectResponseObject.
func (i introspection) VisitOauthIntrospectResponse(w http.ResponseWriter) error {
	body, err := json.Marshal(i)
	if err != nil {
		return err
	}
	w.Header().Set(echo.HeaderContentType, echo.MIMEApplicationJSON)
	w.Header().Set(echo.HeaderCacheControl, "no-store")
	w.Header().Set("Pragma", "no-cache") // for caches of HTTP/1.0 (RFC 6749, section 5.1)
	w.WriteHeader(http.StatusOK)
	_, err = w.Write(body)
	return err
}
