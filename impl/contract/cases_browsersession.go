package contract

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

func browserLoginCases() []Case {
	login := func(name, rule string, run func(r *Run)) Case {
		return browserCase("browserLogin/login/"+name, rule, http.StatusNoContent, run)
	}
	refusal := func(name, rule string, want Want, token func(r *Run) string) Case {
		return browserCase("browserLogin/refused/"+name, rule, want.Status, func(r *Run) {
			r.removesCookie(r.send(r.withCookie(browserLogin(token(r)), r.sketch().sign()), want), false)
		})
	}
	tooLong := refusal("too long", "A token that does not fit into a cookie is rejected.", refused(""),
		func(r *Run) string {
			return r.sketch().claim("padding", quote(strings.Repeat("a", 3200))).sign()
		})
	tooLong.Level = LevelExact // others may keep the token elsewhere
	return []Case{
		login("cookie", "The answer sets the cookie, which lives as long as its token.", func(r *Run) {
			a := r.send(browserLogin(r.sketch().sign()), Want{Status: http.StatusNoContent})
			r.refreshedByCookie(r.keepsCookie(a), "{}")
		}),
		login("again", "The same login may be sent again, if its answer was lost.", func(r *Run) {
			q := browserLogin(r.sketch().sign())
			first := r.keepsCookie(r.send(q, Want{Status: http.StatusNoContent}))
			second := r.keepsCookie(r.send(r.withCookie(q, first), Want{Status: http.StatusNoContent}))
			if first != second {
				r.breach("the same login must get the same cookie", "they differ")
			}
			r.refreshedByCookie(second, "{}")
		}),
		login("other session", "The session of a cookie that is there already is revoked.",
			func(r *Run) {
				before, next := r.person(), r.person()
				q := r.withCookie(browserLogin(next.sign()), before.sign())
				token := r.keepsCookie(r.send(q, Want{Status: http.StatusNoContent}))
				r.refuses(before)
				r.refreshedByCookie(token, "{}")
			}),
		login("worthless cookie", "A cookie that is no valid token does not matter.", func(r *Run) {
			for _, cookie := range []string{"hello", r.sketch().forged().sign()} {
				q := r.withCookie(browserLogin(r.sketch().sign()), cookie)
				r.keepsCookie(r.send(q, Want{Status: http.StatusNoContent}))
			}
		}),
		refusal("expired", "An expired token is 421.", expired(), func(r *Run) string {
			return r.sketch().claim("iat", number(longAgo-219)).claim("exp", number(longAgo)).sign()
		}),
		refusal("forged", "A token of another key is 422.", refused(signature),
			func(r *Run) string { return r.sketch().forged().sign() }),
		tooLong,
	}
}

// refreshedByCookie refreshes with a token as the cookie, which must be accepted. It returns the
// access token and the answer.
func (r *Run) refreshedByCookie(token, body string) (opened, Answer) {
	a := r.send(r.browserRefresh(token, body), ok())
	var g grant
	if a.Status != http.StatusOK || json.Unmarshal(a.Body, &g) != nil {
		return opened{}, a
	}
	if strings.Contains(string(a.Body), "refresh_token") {
		r.breach("the answer must not have a refresh token, which scripts could read", "it has one")
	}
	o, err := r.open(g.AccessToken)
	if err != nil {
		r.breach("the access_token must be a signed JWT", "%v", err)
	}
	if exp, err := o.number("exp"); err != nil || exp != g.Expired {
		r.breach("the field expired must be the claim exp of the access_token",
			"expired is %d, exp is %v", g.Expired, o.claims["exp"])
	}
	return o, a
}

func browserRefreshCases() []Case {
	accepted := func(name, rule string, run func(r *Run)) Case {
		return browserCase("browserRefresh/grant/"+name, rule, http.StatusOK, run)
	}
	refusal := func(name, rule string, want Want, removes bool, token func(r *Run) string) Case {
		return browserCase("browserRefresh/refused/"+name, rule, want.Status, func(r *Run) {
			r.removesCookie(r.send(r.browserRefresh(token(r), "{}"), want), removes)
		})
	}
	lost := accepted("lost answer", "After a lost answer the old cookie gets the same new cookie.",
		func(r *Run) {
			token := r.sketch().sign()
			_, first := r.refreshedByCookie(token, "{}")
			_, second := r.refreshedByCookie(token, "{}")
			next := r.keepsCookie(first)
			if next != r.keepsCookie(second) {
				r.breach("the same cookie must get the same next cookie", "they differ")
			}
			r.refreshedByCookie(next, "{}")
		})
	lost.Left = unless(needsBrowser, needsRotation)
	longest := browserCase("browserRefresh/body/limit above the setting",
		"limit is at most the setting of the server.", http.StatusBadRequest, func(r *Run) {
			body := fmt.Sprintf(`{"limit":%d}`, r.BrowserLifetime/time.Minute+1)
			r.send(r.browserRefresh(r.sketch().sign(), body), badRequest().silently(wordsOnly))
		})
	longest.Left = unless(needsBrowser, needsShortBrowserLifetime)
	return []Case{
		accepted("access token", "The answer has an access token, and never the refresh token.",
			func(r *Run) {
				s := r.sketch()
				o, a := r.refreshedByCookie(s.sign(), "{}")
				if r.Rotation {
					r.keepsCookie(a)
				} else {
					r.removesCookie(a, false)
				}
				r.livesInBrowser(o, r.BrowserLifetime)
				if o.text("identity") != s.identity() || o.claims["fresh"] != false {
					r.breach("the access token must be one of the same identity that is not fresh",
						"identity or fresh is wrong")
				}
			}),
		accepted("limit", "limit is the lifetime in minutes.", func(r *Run) {
			o, _ := r.refreshedByCookie(r.sketch().sign(), `{"limit":10}`)
			r.livesInBrowser(o, 10*time.Minute)
		}),
		lost,
		longest,
		refusal("no cookie", "Without a cookie the answer is 422, and removes none.",
			refused("the request has no refresh cookie"), false, func(*Run) string { return "" }),
		refusal("expired", "An expired token is 421 and removes the cookie.", expired(), true,
			func(r *Run) string {
				return r.sketch().claim("iat", number(longAgo-219)).claim("exp", number(longAgo)).sign()
			}),
		refusal("revoked", "The token of a revoked session is 422 and removes the cookie.", revoked(),
			true, func(r *Run) string {
				token := r.sketch().sign()
				r.revoke(token)
				return token
			}),
		refusal("no token", "A cookie that is no token is 422 and is removed.", refused(malformed),
			true, func(*Run) string { return "hello" }),
	}
}

// livesInBrowser checks the lifetime of an access token. A lifetime of 0 is not known.
func (r *Run) livesInBrowser(o opened, life time.Duration) {
	exp, _ := o.number("exp")
	iat, _ := o.number("iat")
	if life != 0 && exp-iat != int64(life/time.Second) {
		r.breach("the access token must live for limit, or for the setting of the server",
			"it lives %d s, want %d s", exp-iat, life/time.Second)
	}
}

func browserLogoutCases() []Case {
	logout := func(name, rule string, token func(r *Run, s sketch) string) Case {
		return browserCase("browserLogout/logout/"+name, rule, http.StatusNoContent, func(r *Run) {
			s := r.person()
			q := r.browserLogout(token(r, s))
			sent := q.Header.Get("Cookie") != ""
			r.removesCookie(r.send(q, Want{Status: http.StatusNoContent}), sent)
			r.removesCookie(r.send(q, Want{Status: http.StatusNoContent}), sent)
			if name == "session" {
				r.refuses(s)
			} else {
				r.redeems(s)
			}
		})
	}
	return []Case{
		logout("session", "The session of the cookie is revoked, and the cookie is removed.",
			func(_ *Run, s sketch) string { return s.sign() }),
		logout("no cookie", "Without a cookie the answer is 204 too, and removes none.",
			func(*Run, sketch) string { return "" }),
		logout("forged", "A cookie of another key revokes nothing, and is removed.",
			func(_ *Run, s sketch) string { return s.forged().sign() }),
	}
}

// withoutCookies returns a client that notes a breach if an answer sets a cookie: an answer to a
// failure that passes must not remove it.
func withoutCookies(client *http.Client, r *Run) *http.Client {
	changed := *client
	next := client.Transport
	changed.Transport = roundTripper(func(q *http.Request) (*http.Response, error) {
		response, err := next.RoundTrip(q)
		if err == nil && response.StatusCode >= http.StatusInternalServerError &&
			len(response.Cookies()) > 0 {
			r.breach("a failure that passes must leave the cookie alone", "it sets one")
		}
		return response, err
	})
	return &changed
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(q *http.Request) (*http.Response, error) { return f(q) }
