package api

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"kalsel.dev/refresh/gen"
	"kalsel.dev/refresh/impl/problem"
	"kalsel.dev/refresh/impl/session"
)

// Browser holds the settings of the browser operations, which keep the refresh token in a cookie.
type Browser struct {
	// Off says why the operations are off. It is empty if they are on.
	Off string
	// Lifetime is the default and the longest lifetime of access tokens. LifetimeSetting is the
	// names of its setting.
	Lifetime        time.Duration
	LifetimeSetting string
	// Plain leaves out the attribute Secure and the prefix of the name, because both need TLS.
	Plain    bool
	SameSite http.SameSite
	// Trusted reports whether pages of an origin may call the operations although they come from
	// another origin. OriginSetting is the names of its setting.
	Trusted       func(origin string) bool
	OriginSetting string
	Now           func() time.Time
}

const browserPath = "/api/v1/browser"

// middlewares returns the middleware of each browser operation.
func (b *Browser) middlewares() map[string][]echo.MiddlewareFunc {
	before := []echo.MiddlewareFunc{b.sameOrigin(), withClient, b.withCookie}
	if b.Off != "" {
		before = switchedOff(b.Off)
	}
	return map[string][]echo.MiddlewareFunc{
		"browserLogin":   before,
		"browserRefresh": append(slices.Clip(before), b.forgetting),
		"browserLogout":  before,
	}
}

// sameOrigin rejects requests from pages of origins that are not trusted. A request that has neither
// Sec-Fetch-Site nor Origin is accepted: no browser of the last years sends a POST without both.
func (b *Browser) sameOrigin() echo.MiddlewareFunc {
	protection := http.NewCrossOriginProtection()
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			origins := r.Header["Origin"]
			trusted := len(origins) == 1 && b.Trusted(origins[0])
			if !trusted && (len(origins) > 1 || protection.Check(r) != nil) {
				return problem.New(http.StatusForbidden, "the request comes from another origin: "+
					"list the origin of the page in "+b.OriginSetting)
			}
			return next(c)
		}
	}
}

// BrowserLogin implements POST /api/v1/browser/login. It redeems the refresh token, so that with
// rotation the token that the page has seen is a used one.
func (h *handler) BrowserLogin(
	ctx context.Context, r gen.BrowserLoginRequestObject,
) (gen.BrowserLoginResponseObject, error) {
	from, _ := ctx.Value(clientKey{}).(session.Client)
	from.MaxRefreshToken = h.browser.maxToken()
	grant, err := h.sessions.Refresh(ctx, r.Body.RefreshToken, h.browser.Lifetime, from)
	if err != nil {
		h.metrics.notRefreshed(err)
		return nil, err
	}
	h.metrics.accepted.Inc()
	token := r.Body.RefreshToken
	if grant.RefreshToken != "" {
		token = grant.RefreshToken
	}
	if before := cookieOf(ctx); before != "" {
		if err := h.sessions.LogoutReplaced(ctx, before, token); err != nil {
			return nil, err
		}
	}
	return cookieAnswer{h.browser.keeping(token, grant.RefreshExpires)}, nil
}

// BrowserRefresh implements POST /api/v1/browser/refresh.
func (h *handler) BrowserRefresh(
	ctx context.Context, r gen.BrowserRefreshRequestObject,
) (gen.BrowserRefreshResponseObject, error) {
	life := h.browser.Lifetime
	if r.Body.Limit != nil {
		life = time.Duration(*r.Body.Limit) * time.Minute
	}
	if life > h.browser.Lifetime {
		return nil, badRequest("limit: must be at most " +
			strconv.Itoa(int(h.browser.Lifetime/time.Minute)) + " (" + h.browser.LifetimeSetting + ")")
	}
	token := cookieOf(ctx)
	if token == "" {
		return nil, noCookie(ctx)
	}
	from, _ := ctx.Value(clientKey{}).(session.Client)
	grant, err := h.sessions.Refresh(ctx, token, life, from)
	if err != nil {
		h.metrics.notRefreshed(err)
		return nil, err
	}
	h.metrics.accepted.Inc()
	answer := h.answers.Get().(*refreshed)
	answer.Grant = session.Grant{AccessToken: grant.AccessToken, Expires: grant.Expires}
	if grant.RefreshToken == "" {
		return browserTokens{refreshed: answer}, nil
	}
	return browserTokens{answer, h.browser.keeping(grant.RefreshToken, grant.RefreshExpires)}, nil
}

// BrowserLogout implements POST /api/v1/browser/logout. Without a cookie it removes none: a page on
// another site, whose form the browser sends without the cookie, must not remove it.
func (h *handler) BrowserLogout(
	ctx context.Context, _ gen.BrowserLogoutRequestObject,
) (gen.BrowserLogoutResponseObject, error) {
	token := cookieOf(ctx)
	if token == "" {
		return cookieAnswer{}, nil
	}
	if err := h.sessions.LogoutReplaced(ctx, token, ""); err != nil {
		return nil, err
	}
	return cookieAnswer{h.browser.cookie("", -1)}, nil
}

// browserTokens is the 200 of a refresh, with the cookie that replaces the old one; "" if the old
// one stays.
type browserTokens struct {
	*refreshed
	cookie string
}

// VisitBrowserRefreshResponse implements gen.BrowserRefreshResponseObject.
func (a browserTokens) VisitBrowserRefreshResponse(w http.ResponseWriter) error {
	if a.cookie != "" {
		w.Header().Set(echo.HeaderSetCookie, a.cookie)
	}
	return a.VisitRefreshTokenResponse(w)
}

// cookieAnswer is a 204 with a Set-Cookie, unless it is "".
type cookieAnswer struct{ cookie string }

func (a cookieAnswer) write(w http.ResponseWriter) error {
	if a.cookie != "" {
		w.Header().Set(echo.HeaderSetCookie, a.cookie)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// VisitBrowserLoginResponse implements gen.BrowserLoginResponseObject.
func (a cookieAnswer) VisitBrowserLoginResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitBrowserLogoutResponse implements gen.BrowserLogoutResponseObject.
func (a cookieAnswer) VisitBrowserLogoutResponse(w http.ResponseWriter) error { return a.write(w) }
