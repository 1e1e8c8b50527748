package contract

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const (
	browserLoginPath   = "/api/v1/browser/login"
	browserRefreshPath = "/api/v1/browser/refresh"
	browserLogoutPath  = "/api/v1/browser/logout"
)

func browserLogin(token string) Request {
	q := refreshRequest(bodyWith(token, ""))
	q.Path = browserLoginPath
	return q
}

// browserRefresh returns a refresh with a body, and with a refresh token as the cookie unless it is
// "".
func (r *Run) browserRefresh(token, body string) Request {
	q := refreshRequest(body)
	q.Path = browserRefreshPath
	return r.withCookie(q, token)
}

func (r *Run) browserLogout(token string) Request {
	return r.withCookie(Request{Method: http.MethodPost, Path: browserLogoutPath}, token)
}

func (r *Run) withCookie(q Request, token string) Request {
	q.Header = q.Header.Clone()
	if q.Header == nil {
		q.Header = http.Header{}
	}
	if token != "" {
		q.Header.Add("Cookie", r.cookieName()+"="+token)
	}
	return q
}

// cookieName returns the name of the deployment's cookie. It has a prefix unless the deployment has
// a development key, so the deployment is asked.
func (r *Run) cookieName() string {
	const usual = "__Secure-refresh"
	asking := *r
	asking.base = r.URL
	a, err := asking.exchange(Request{
		Method: http.MethodPost,
		Path:   browserLogoutPath,
		Header: http.Header{"Cookie": {usual + "=none; refresh=none"}},
	})
	if err != nil || len(cookiesOf(a)) != 1 {
		return usual
	}
	return cookiesOf(a)[0].Name
}

func cookiesOf(a Answer) []*http.Cookie { return (&http.Response{Header: a.Header}).Cookies() }

// keepsCookie checks the cookie of an answer, and returns its refresh token. It returns "" if the
// answer sets no cookie.
func (r *Run) keepsCookie(a Answer) string {
	cookies := cookiesOf(a)
	if len(cookies) != 1 || cookies[0].MaxAge <= 0 {
		r.breach("the answer must set one cookie", "it sets %d", len(cookies))
		return ""
	}
	c := cookies[0]
	r.judgeCookie(c)
	o, err := r.openRefresh(c.Value)
	if err != nil {
		r.breach("the value of the cookie must be a signed JWT", "%v", err)
		return c.Value
	}
	exp, _ := o.number("exp")
	if life := int64(c.MaxAge); life < exp-r.now()-clockSkew || life > exp-r.now()+clockSkew {
		r.breach("Max-Age of the cookie must last until the exp of its token", "it is %d, want %d",
			life, exp-r.now())
	}
	return c.Value
}

func (r *Run) judgeCookie(c *http.Cookie) {
	strict := c.SameSite == http.SameSiteStrictMode || c.SameSite == http.SameSiteLaxMode
	if !c.HttpOnly || c.Path != "/api/v1/browser" || c.Domain != "" || !strict {
		r.breach("the cookie must have HttpOnly, SameSite and Path=/api/v1/browser, and no Domain",
			"HttpOnly is %t, SameSite %d, Path %q, Domain %q", c.HttpOnly, c.SameSite, c.Path, c.Domain)
	}
	if c.Secure != (c.Name == "__Secure-refresh") || !c.Secure && c.Name != "refresh" {
		r.breach("the cookie must be __Secure-refresh with Secure, or refresh without it",
			"Secure is %t", c.Secure)
	}
}

// removesCookie checks that an answer removes the cookie, or that it leaves the cookie alone.
func (r *Run) removesCookie(a Answer, want bool) {
	cookies := cookiesOf(a)
	switch {
	case !want && len(cookies) > 0:
		r.breach("the answer must leave the cookie alone", "it sets one")
	case want && (len(cookies) != 1 || cookies[0].MaxAge >= 0 || cookies[0].Value != ""):
		r.breach("the answer must remove the cookie", "it does not")
	case want:
		r.judgeCookie(cookies[0])
	}
}

func browserCase(name, rule string, produces int, run func(r *Run)) Case {
	return Case{Name: name, Rule: rule, Left: needsBrowser, Produces: produces, Run: run}
}

// browserOperations are the operations and an acceptable request of each, another one each time.
func browserOperations() []operationRequest {
	return []operationRequest{
		{"browserLogin", func(r *Run) Request { return browserLogin(r.sketch().sign()) }},
		{"browserRefresh", func(r *Run) Request { return r.browserRefresh(r.sketch().sign(), "{}") }},
		{"browserLogout", func(r *Run) Request { return r.browserLogout(r.sketch().sign()) }},
	}
}

type operationRequest struct {
	id         string
	acceptable func(r *Run) Request
}

func browserCases() []Case {
	all := slices.Concat(browserLoginCases(), browserRefreshCases(), browserLogoutCases(),
		browserBodies())
	for _, o := range browserOperations() {
		all = append(all, o.origins()...)
		all = append(all, browserCase(o.id+"/cookie/two",
			"If the request has two cookies of the name, none is used.", http.StatusBadRequest,
			func(r *Run) {
				s := r.person()
				q := r.withCookie(r.withCookie(o.acceptable(r), s.sign()), r.sketch().sign())
				a := r.send(q, badRequest().silently(wordsOnly))
				r.removesCookie(a, false)
				r.redeems(s)
			}))
		for _, c := range failures(o.id, o.acceptable) {
			run := c.Run
			c.Left = needsBrowser
			c.Run = func(r *Run) {
				r.Client = withoutCookies(r.Client, r)
				run(r)
			}
			all = append(all, c)
		}
	}
	return all
}

// origins returns the cases about the page that sends a request.
func (o operationRequest) origins() []Case {
	sent := func(r *Run, headers ...string) Request {
		q := o.acceptable(r)
		for pair := range slices.Chunk(headers, 2) {
			q.Header.Add(pair[0], pair[1])
		}
		return q
	}
	const foreign = "https://foreign.example"
	refused := [][]string{
		{"Origin", foreign},
		{"Origin", "null"},
		{"Origin", foreign, "Sec-Fetch-Site", "cross-site"},
		{"Origin", foreign, "Sec-Fetch-Site", "same-site"},
		{"Sec-Fetch-Site", "cross-site"},
		{"Sec-Fetch-Site", "same-site"},
		{"Sec-Fetch-Site", "sideways"},
	}
	success := Want{Status: http.StatusNoContent}
	if o.id == "browserRefresh" {
		success = ok()
	}
	return []Case{
		browserCase(o.id+"/origin/other", "A page of another origin is answered 403.",
			http.StatusForbidden, func(r *Run) {
				for _, headers := range refused {
					a := r.send(sent(r, headers...), forbidden())
					r.removesCookie(a, false)
				}
			}),
		browserCase(o.id+"/origin/own", "A page of the own origin, and a program, is served.",
			success.Status, func(r *Run) {
				own := (&url.URL{Scheme: r.base.Scheme, Host: r.base.Host}).String()
				r.send(sent(r), success)
				r.send(sent(r, "Origin", own), success)
				r.send(sent(r, "Origin", own, "Sec-Fetch-Site", "same-origin"), success)
				r.send(sent(r, "Sec-Fetch-Site", "none"), success)
			}),
	}
}

// browserBodies returns the cases about request bodies.
func browserBodies() []Case {
	body := func(id, name, rule string, want Want, text string, edit func(*Request)) Case {
		return browserCase(id+"/body/"+name, rule, want.Status, func(r *Run) {
			q := r.browserRefresh(r.sketch().sign(), text)
			if id == "browserLogin" {
				q = browserLogin("")
				q.Body = []byte(strings.ReplaceAll(text, "TOKEN", r.sketch().sign()))
			}
			if edit != nil {
				edit(&q)
			}
			r.send(q, want)
		})
	}
	var all []Case
	for id, good := range map[string]string{
		"browserLogin":   `{"refresh_token":"TOKEN"}`,
		"browserRefresh": `{"limit":10}`,
	} {
		all = append(all,
			body(id, "text/plain", "Only JSON is accepted, which forces a preflight request.",
				unsupported("Content-Type: must be application/json"), good,
				func(q *Request) { q.Header.Set("Content-Type", "text/plain") }),
			body(id, "none", "A body is required.", badRequest(), "", nil),
			body(id, "too large", "A body over 16 KiB is rejected.", tooLarge(),
				good+strings.Repeat(" ", maxBody), nil),
			body(id, "unknown field", "A field that is not known is rejected.", badRequest(),
				strings.Replace(good, "{", `{"token":"a",`, 1), nil),
			body(id, "array", "The body must be an object.", badRequest(), "[]", nil),
		)
	}
	return append(all,
		body("browserLogin", "without refresh_token", "refresh_token is required.",
			badRequest(noToken), "{}", nil),
		body("browserLogin", "empty refresh_token", "refresh_token must not be empty.",
			badRequest("refresh_token: must have at least 1 character"), `{"refresh_token":""}`, nil),
		body("browserLogin", "number as refresh_token", "refresh_token must be a string.",
			badRequest("refresh_token: must be a string"), `{"refresh_token":1}`, nil),
		body("browserRefresh", "limit 9", "limit is at least 10.", badRequest(tooSmall),
			`{"limit":9}`, nil),
		body("browserRefresh", "limit 10081", "limit is at most 10080.", badRequest(tooBig),
			`{"limit":10081}`, nil),
		body("browserRefresh", "limit as text", "limit must be a number.", badRequest(wholeNumber),
			`{"limit":"10"}`, nil),
	)
}
