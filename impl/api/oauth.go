package api

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"kalsel.dev/refresh/gen"
	"kalsel.dev/refresh/impl/credential"
	"kalsel.dev/refresh/impl/problem"
	"kalsel.dev/refresh/impl/session"
)

// oauthPrefix begins the paths of the operations whose errors are those of OAuth.
const oauthPrefix = "/oauth2/"

// OAuth holds the settings of the OAuth operations.
type OAuth struct {
	// Lifetime is that of access tokens.
	Lifetime time.Duration
	// Credentials are those of APIs that may introspect; nil switches introspection off.
	Credentials *credential.File
	// Issuer and PublicURL are those of the metadata. If Issuer is empty, there is no metadata.
	Issuer, PublicURL string
	// Off says why an operation is off, by its operationId. Operations that are on are absent.
	Off map[string]string
}

// middlewares returns the middleware of each OAuth operation.
func (o *OAuth) middlewares() map[string][]echo.MiddlewareFunc {
	all := map[string][]echo.MiddlewareFunc{
		"oauthToken":  {oauthErrors, withClient, withClientID},
		"oauthRevoke": {oauthErrors, withClientID},
		"oauthIntrospect": {
			oauthErrors,
			withCredential(o.Credentials, credential.Introspect, problem.InvalidClient),
		},
		"oauthMetadata": {},
	}
	for operation := range all {
		if why := o.Off[operation]; why != "" {
			all[operation] = switchedOff(why)
		}
	}
	return all
}

// oauthErrors gives the errors of an operation the codes of RFC 6749, section 5.2. An error that
// passes by itself, or that has nothing to do with OAuth, stays as it is.
func oauthErrors(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		err := next(c)
		if err == nil {
			return nil
		}
		answer := problem.Of(err)
		switch {
		case errors.Is(err, session.ErrScope):
			return problem.OAuth("invalid_scope", err, session.ErrScope.Error())
		case errors.Is(err, session.ErrNoSessionNamed):
			return problem.OAuth("unsupported_token_type", err, session.ErrNoSessionNamed.Error())
		case answer.Status == http.StatusMisdirectedRequest,
			answer.Status == http.StatusUnprocessableEntity:
			return problem.InvalidGrant(answer, err)
		case answer.Status == http.StatusBadRequest && answer.Description == "":
			return problem.OAuth("invalid_request", err, answer.Causes...)
		}
		return err
	}
}

// clientIDKey is the key of the client_id of HTTP Basic in the request's context.
type clientIDKey struct{}

// withClientID reads the client_id from HTTP Basic, if there is one. The password is not looked at:
// clients are public.
func withClientID(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		sent := r.Header[echo.HeaderAuthorization]
		if len(sent) == 0 {
			return next(c)
		}
		id, ok := basicName(sent)
		if !ok {
			return problem.InvalidClient("Authorization: must be absent, or Basic with the client_id")
		}
		c.SetRequest(r.WithContext(context.WithValue(r.Context(), clientIDKey{}, id)))
		return next(c)
	}
}

// basicName returns the user name of HTTP Basic, which OAuth clients encode as in a form (RFC 6749,
// section 2.3.1).
func basicName(authorization []string) (string, bool) {
	name, _, ok := credential.Basic(authorization[0])
	if len(authorization) > 1 || !ok {
		return "", false
	}
	name, err := url.QueryUnescape(name)
	return name, err == nil
}

// clientID returns the ID that the client names in the form or in HTTP Basic; "" if it names none.
func clientID(ctx context.Context, inForm *string) (string, error) {
	id, _ := ctx.Value(clientIDKey{}).(string)
	switch {
	case inForm == nil:
		return id, nil
	case id != "" && id != *inForm:
		return "", badRequest("client_id: must be the same in the form and in Authorization")
	}
	return *inForm, nil
}

// OauthToken implements POST /oauth2/token.
func (h *handler) OauthToken(
	ctx context.Context, r gen.OauthTokenRequestObject,
) (gen.OauthTokenResponseObject, error) {
	if r.Body.GrantType != "refresh_token" {
		return nil, problem.OAuth("unsupported_grant_type", nil, "grant_type: must be refresh_token")
	}
	if r.Body.RefreshToken == nil {
		return nil, badRequest("refresh_token: is required")
	}
	id, err := clientID(ctx, r.Body.ClientID)
	if err != nil {
		return nil, err
	}
	from, _ := ctx.Value(clientKey{}).(session.Client)
	from.OAuth = &session.OAuth{ClientID: id}
	if r.Body.Scope != nil {
		from.OAuth.Scope = *r.Body.Scope
	}
	grant, err := h.sessions.Refresh(ctx, *r.Body.RefreshToken, h.oauth.Lifetime, from)
	if err != nil {
		h.metrics.notRefreshed(err)
		return nil, err
	}
	h.metrics.accepted.Inc()
	answer := gen.OAuthTokens{
		AccessToken: grant.AccessToken,
		TokenType:   "Bearer",
		ExpiresIn:   int64(h.oauth.Lifetime / time.Second),
	}
	if grant.Scope != "" {
		answer.Scope = &grant.Scope
	}
	if grant.RefreshToken != "" {
		answer.RefreshToken = &grant.RefreshToken
	}
	return gen.OauthToken200JSONResponse{
		Body:    answer,
		Headers: gen.OauthToken200ResponseHeaders{CacheControl: "no-store", Pragma: "no-cache"},
	}, nil
}

// OauthRevoke implements POST /oauth2/revoke.
func (h *handler) OauthRevoke(
	ctx context.Context, r gen.OauthRevokeRequestObject,
) (gen.OauthRevokeResponseObject, error) {
	id, err := clientID(ctx, r.Body.ClientID)
	if err != nil {
		return nil, err
	}
	if err := h.sessions.RevokeAny(ctx, r.Body.Token, session.OAuth{ClientID: id}); err != nil {
		return nil, err
	}
	return gen.OauthRevoke200Response{
		Headers: gen.OauthRevoke200ResponseHeaders{CacheControl: "no-store", Pragma: "no-cache"},
	}, nil
}

// OauthMetadata implements GET /.well-known/oauth-authorization-server.
func (h *handler) OauthMetadata(
	context.Context, gen.OauthMetadataRequestObject,
) (gen.OauthMetadataResponseObject, error) {
	at := strings.TrimSuffix(h.oauth.PublicURL, "/")
	return gen.OauthMetadata200JSONResponse{
		Issuer:                                    h.oauth.Issuer,
		TokenEndpoint:                             at + "/oauth2/token",
		RevocationEndpoint:                        at + "/oauth2/revoke",
		IntrospectionEndpoint:                     at + "/oauth2/introspect",
		JwksURI:                                   at + "/.well-known/jwks.json",
		GrantTypesSupported:                       []string{"refresh_token"},
		ResponseTypesSupported:                    []string{},
		TokenEndpointAuthMethodsSupported:         []string{"none"},
		RevocationEndpointAuthMethodsSupported:    []string{"none"},
		IntrospectionEndpointAuthMethodsSupported: []string{"client_secret_basic"},
	}, nil
}
