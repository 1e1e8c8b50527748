package fake_test

import (
	"net/http"
	"strings"
	"testing"
)

const browserRefresh = "/api/v1/browser/refresh"

// browserLogin logs in an identity and returns the header Cookie of its browser.
func (c caller) browserLogin(identity string) string {
	c.t.Helper()
	token := c.login(`{"identity":"` + identity + `"}`).RefreshToken
	response, _ := c.want(204, http.MethodPost, "/api/v1/browser/login",
		`{"refresh_token":"`+token+`"}`, "Content-Type", "application/json")
	cookie, _, _ := strings.Cut(response.Header.Get("Set-Cookie"), ";")
	return cookie
}

// browserRefresh sends a refresh that must be answered with a status.
func (c caller) browserRefresh(status int, cookie string) *http.Response {
	c.t.Helper()
	response, _ := c.want(status, http.MethodPost, browserRefresh, "{}",
		"Content-Type", "application/json", "Cookie", cookie)
	return response
}

func TestBrowserOrderedStatuses(t *testing.T) {
	c := start(t)
	cookie := c.browserLogin("ana@example.com")
	for plan, removed := range map[string]bool{
		`{"behaviour":"421"}`: true,
		`{"behaviour":"422"}`: true,
		`{"behaviour":"503"}`: false,
	} {
		c.plan(plan)
		status := map[string]int{"421": 421, "422": 422, "503": 503}[plan[14:17]]
		set := c.browserRefresh(status, cookie).Header.Get("Set-Cookie")
		if strings.Contains(set, "Max-Age=0") != removed || !removed && set != "" {
			t.Errorf("%s: Set-Cookie %q", plan, set)
		}
	}
	c.browserRefresh(200, cookie)
}

// A plan for one identity counts for its cookie, and a logout is never refused.
func TestBrowserPlanOfAnIdentity(t *testing.T) {
	c := start(t)
	ana, ben := c.browserLogin("ana@example.com"), c.browserLogin("ben@example.com")
	c.plan(`{"behaviour":"422","identity":"ana@example.com"}`)
	c.browserRefresh(200, ben)
	c.want(204, http.MethodPost, "/api/v1/browser/logout", "", "Cookie", ana)
	c.browserRefresh(422, ana)
}

// A page of an allowed origin can use the cookie, a page of another origin cannot.
func TestBrowserOfAllowedOrigin(t *testing.T) {
	const allowed = "http://localhost:5173"
	c := start(t, allowed)
	cookie := c.browserLogin("ana@example.com")
	for origin, status := range map[string]int{allowed: 200, "http://localhost:1": 403} {
		response, _ := c.want(status, http.MethodPost, browserRefresh, "{}", "Cookie", cookie,
			"Content-Type", "application/json", "Origin", origin, "Sec-Fetch-Site", "same-site")
		if got := response.Header.Get(
			"Access-Control-Allow-Credentials"); (got == "true") != (status == 200) {
			t.Errorf("%s: Access-Control-Allow-Credentials %q", origin, got)
		}
	}
}
