package api

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"

	"kalsel.dev/refresh/impl/problem"
)

// maxCookie is the length of the longest Set-Cookie that is sent, in bytes. Browsers ignore a
// longer cookie without a word (RFC 6265, section 6.1). Later tokens of a session need the room.
const (
	maxCookie     = 4096
	roomForDigits = 32
)

// cookieName returns the name of the cookie. Browsers accept the prefix over TLS only.
func (b *Browser) cookieName() string {
	if b.Plain {
		return "refresh"
	}
	return "__Secure-refresh"
}

// cookie returns the Set-Cookie for a token that lives for some seconds. If they are negative, the
// browser removes its cookie.
func (b *Browser) cookie(token string, seconds int64) string {
	c := http.Cookie{ //nolint:gosec // without Secure only on loopback, with a development key
		Name:     b.cookieName(),
		Value:    token,
		Path:     browserPath,
		MaxAge:   int(seconds),
		HttpOnly: true,
		Secure:   !b.Plain,
		SameSite: b.SameSite,
	}
	return c.String()
}

// keeping returns the Set-Cookie for a token until it expires. expires is in Unix seconds.
func (b *Browser) keeping(token string, expires int64) string {
	return b.cookie(token, max(expires-b.Now().Unix(), 1))
}

// maxToken returns the length of the longest token that fits into a cookie.
func (b *Browser) maxToken() int { return maxCookie - roomForDigits - len(b.cookie("", 1e9)) }

// The keys of values in the request's context: the refresh token of the cookie, and whether the
// page is on another site and the request has no cookie.
type (
	cookieKey    struct{}
	otherSiteKey struct{}
)

// withCookie notes the refresh token of the cookie. Of two cookies with the name one may have been
// planted by another host of the same site, so none is used.
func (b *Browser) withCookie(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		cookies := r.CookiesNamed(b.cookieName())
		if len(cookies) > 1 {
			return badRequest("Cookie: must have " + b.cookieName() + " once; another host of " +
				"this site may have set the second one")
		}
		ctx := r.Context()
		if len(cookies) == 1 && cookies[0].Value != "" {
			ctx = context.WithValue(ctx, cookieKey{}, cookies[0].Value)
		} else if r.Header.Get("Sec-Fetch-Site") == "cross-site" {
			ctx = context.WithValue(ctx, otherSiteKey{}, true)
		}
		c.SetRequest(r.WithContext(ctx))
		return next(c)
	}
}

func cookieOf(ctx context.Context) string {
	token, _ := ctx.Value(cookieKey{}).(string)
	return token
}

// noCookie returns the error for a request without a cookie.
func noCookie(ctx context.Context) error {
	cause := "the request has no refresh cookie: log in"
	if ctx.Value(otherSiteKey{}) != nil {
		cause = "the request has no refresh cookie: the page is on another site, and browsers " +
			"send the cookie only to pages on the site of this server"
	}
	return problem.New(http.StatusUnprocessableEntity, cause)
}

// forgetting removes the cookie if its refresh token has expired or is not valid. A request without
// a cookie removes none: the user may just log in, in another tab.
func (b *Browser) forgetting(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		err := next(c)
		if err == nil || cookieOf(c.Request().Context()) == "" {
			return err
		}
		switch problem.Of(err).Status {
		case http.StatusMisdirectedRequest, http.StatusUnprocessableEntity:
			c.Response().Header().Set(echo.HeaderSetCookie, b.cookie("", -1))
		}
		return err
	}
}
