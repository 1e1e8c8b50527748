package fake_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	refresh "kalsel.dev/refresh"
	"kalsel.dev/refresh/impl/contract"
)

func TestOrderedStatuses(t *testing.T) {
	suite, err := contract.New(refresh.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	const reused = "token was reused: the session is revoked"
	const expired = `"message":"Token expired","error":"jwt_error","causes":["token has expired"]}`
	const invalid = `"message":"Token is not valid","error":"jwt_error","causes":["%s"]}`
	for _, p := range []struct {
		plan, retryAfter string
		status           int
		body             string // after the status
	}{
		{`{"behaviour":"421"}`, "", 421, expired},
		{`{"behaviour":421}`, "", 421, expired},
		{`{"behaviour":"422"}`, "", 422, fmt.Sprintf(invalid, "token is revoked")},
		{`{"behaviour":"422","cause":"` + reused + `"}`, "", 422, fmt.Sprintf(invalid, reused)},
		{
			`{"behaviour":"429","retry_after":7}`, "7", 429,
			`"message":"Too many requests","error":"rate_limiter","causes":[]}`,
		},
		{
			`{"behaviour":"500"}`, "", 500,
			`"message":"Something went wrong on our side","error":"internal","causes":[]}`,
		},
		{
			`{"behaviour":"503","retry_after":2}`, "2", 503, `"message":"Try again soon",` +
				`"error":"unavailable","causes":["the session store is not available"]}`,
		},
	} {
		t.Run(p.plan, func(t *testing.T) {
			c := start(t)
			body := c.loggedIn()
			c.plan(p.plan)
			response, text := c.refresh(p.status, body)
			if want := fmt.Sprintf(`{"status":%d,`, p.status) + p.body; text != want {
				t.Errorf("body %s, want %s", text, want)
			}
			if got := response.Header.Get("Retry-After"); got != p.retryAfter {
				t.Errorf("Retry-After %q", got)
			}
			checkAnswer(t, suite, body, response, text)
			c.refresh(200, body) // the plan was for one request
		})
	}
}

// checkAnswer checks the answer to a refresh against openapi.yaml.
func checkAnswer(
	t *testing.T, suite *contract.Suite, body string, response *http.Response, text string,
) {
	t.Helper()
	_, breaches := suite.Check(t.Context(), contract.Request{
		Method: http.MethodPost,
		Path:   "/api/v1/refresh",
		Header: http.Header{"Content-Type": {"application/json"}},
		Body:   []byte(body),
	}, contract.Answer{
		Status: response.StatusCode,
		Header: response.Header,
		Body:   []byte(text),
	})
	for _, breach := range breaches {
		t.Error(breach)
	}
}

func TestLostAnswer(t *testing.T) {
	c := start(t)
	body := c.loggedIn()
	c.plan(`{"behaviour":"lose_answer"}`)
	_, _, err := c.send(t.Context(), http.MethodPost, "/api/v1/refresh", body)
	if !errors.Is(err, io.EOF) {
		t.Fatalf("the answer was not lost: %v", err)
	}
	// The request was executed, so its answer can be repeated.
	c.plan(`{"behaviour":"repeat","times":2}`)
	_, first := c.refresh(200, body)
	_, second := c.refresh(200, body)
	_, fresh := c.refresh(200, body)
	if first != second || first == fresh {
		t.Error("repeat must send the same answer twice, and then a new one must come")
	}
	if text := c.requests(); !strings.Contains(text, `"statuses":{"200":3,"lost":1}`) {
		t.Error(text)
	}
}

func TestTruncatedAnswer(t *testing.T) {
	c := start(t)
	body := c.loggedIn()
	c.plan(`{"behaviour":"truncate"}`)
	response, text, err := c.send(t.Context(), http.MethodPost, "/api/v1/refresh", body)
	if !errors.Is(err, io.ErrUnexpectedEOF) || response.StatusCode != 200 {
		t.Fatalf("the answer was not truncated: %v", err)
	}
	if !strings.HasPrefix(text, `{"access_token":"`) || strings.HasSuffix(text, "}") {
		t.Error(text)
	}
	c.refresh(200, body)
}

func TestPageOfProxy(t *testing.T) {
	c := start(t)
	body := c.loggedIn()
	for plan, status := range map[string]int{
		`{"behaviour":"html"}`:              502,
		`{"behaviour":"html","status":422}`: 422,
		`{"behaviour":"html","status":200}`: 200,
	} {
		c.plan(plan)
		response, text := c.refresh(status, body)
		kind := response.Header.Get("Content-Type")
		if kind != "text/html" || !strings.HasPrefix(text, "<html>") {
			t.Errorf("%s: %s", plan, text)
		}
	}
}

func TestRepeatBeforeAnyAnswer(t *testing.T) {
	c := start(t)
	c.plan(`{"behaviour":"repeat"}`)
	c.refresh(200, c.loggedIn())
}

func TestDelay(t *testing.T) {
	c := start(t)
	body := c.loggedIn()
	c.plan(`{"behaviour":"delay","delay_ms":600000}`)
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	go func() {
		_, _, err := c.send(ctx, http.MethodPost, "/api/v1/refresh", body)
		failed <- err
	}()
	for !strings.Contains(c.requests(), `"behaviour":"delay","status":0`) {
		time.Sleep(time.Millisecond) // until the request has arrived
	}
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("the answer was not delayed: %v", err)
	}
	c.plan(`{"behaviour":"503","delay_ms":1}`)
	c.refresh(503, body)
}

// Requests of a plan wait until the last of them has come, or until the plan is removed.
func TestTogether(t *testing.T) {
	c := start(t)
	body := c.loggedIn()
	for end, last := range map[string]func(){
		"all have come": func() { c.refresh(200, body) },
		"removed":       func() { c.plan(`{"behaviour":"503"}`) },
		"reset":         func() { c.want(204, http.MethodDelete, "/fake", "") },
	} {
		t.Run(end, func(t *testing.T) {
			c.plan(`{"behaviour":"together","times":3}`)
			answers := make(chan error, 2)
			for range cap(answers) {
				go func() {
					_, _, err := c.send(t.Context(), http.MethodPost, "/api/v1/refresh", body)
					answers <- err
				}()
			}
			for strings.Count(c.requests(), `"behaviour":"together","status":0`) < cap(answers) {
				time.Sleep(time.Millisecond) // until the requests have arrived
			}
			last()
			for range cap(answers) {
				if err := <-answers; err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestPlans(t *testing.T) {
	c := start(t)
	body := c.loggedIn()
	c.plan(`{"behaviour":"500","times":9}`)
	c.plan(`{"behaviour":"503","times":2}`)                           // replaces the first
	c.want(200, http.MethodPost, "/fake/next", `{"behaviour":"421"}`) // comes after the second
	c.want(200, http.MethodPost, "/fake/next", `{"behaviour":"422","path":"/api/v1/other"}`)
	for _, status := range []int{503, 503, 421, 200} {
		c.refresh(status, body)
	}
	c.want(422, http.MethodPost, "/api/v1/other", "{}")
	c.want(404, http.MethodPost, "/api/v1/other", "{}")

	c.plan(`{"behaviour":"500"}`)
	c.want(204, http.MethodDelete, "/fake", "")
	c.refresh(200, body)
	if text := c.requests(); !strings.Contains(text, `"total":1`) {
		t.Errorf("after a reset and one request: %s", text)
	}
}

// Tests that run in parallel against one fake order plans for their own tokens.
func TestPlansOfParallelTests(t *testing.T) {
	c := start(t)
	ana, bob := c.login(`{"identity":"ana"}`), c.login(`{"identity":"bob"}`)
	body := func(p pair) string { return `{"refresh_token":"` + p.RefreshToken + `"}` }
	add := func(plan string) string {
		_, text := c.want(200, http.MethodPost, "/fake/next", plan)
		return text
	}
	text := add(`{"behaviour":"503","token":"` + ana.RefreshToken + `"}`)
	if strings.Contains(text, ana.RefreshToken) || strings.Contains(text, "eyJ") {
		t.Errorf("the state shows a token: %s", text)
	}
	add(`{"behaviour":"422","identity":"bob","times":2}`)
	c.refresh(200, c.loggedIn())
	c.refresh(200, body(c.login(`{"identity":"ana"}`)))
	c.refresh(422, body(bob))
	bearer := "Bearer " + bob.AccessToken
	c.want(422, http.MethodGet, "/api/v1/sessions", "", "Authorization", bearer)
	c.refresh(503, body(ana))
	c.refresh(200, body(ana))
	_, answer := c.refresh(200, body(bob))
	c.refresh(200, body(ana))
	add(`{"behaviour":"repeat","identity":"bob"}`)
	if _, repeated := c.refresh(200, body(bob)); repeated != answer {
		t.Error("repeat sends the answer to another identity")
	}
}
