package server

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"
)

// Fake is a running refreshd fake: the real handlers, with plans for requests that are to fail.
type Fake struct {
	tb  testing.TB
	URL string
}

// Tokens are the tokens of a login.
type Tokens struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	Expired      int64  `json:"expired"` // Unix seconds
}

// StartFake starts refreshd fake, which ends with the test.
func (s *Shared) StartFake(tb testing.TB, args ...string) Fake {
	tb.Helper()
	return Fake{tb, s.Start(tb, append([]string{"fake"}, args...)...).URL}
}

// For returns the fake for a subtest.
func (f Fake) For(tb testing.TB) Fake { return Fake{tb, f.URL} }

// Login returns the tokens of a login. The members of the body are those of POST /fake/login.
func (f Fake) Login(body map[string]any) Tokens {
	f.tb.Helper()
	var tokens Tokens
	f.control(http.MethodPost, "/fake/login", body, &tokens)
	return tokens
}

// Plan adds a plan for the next requests. Its members are those of POST /fake/next.
func (f Fake) Plan(plan map[string]any) {
	f.tb.Helper()
	f.control(http.MethodPost, "/fake/next", plan, nil)
}

// Replace replaces all plans by one.
func (f Fake) Replace(plan map[string]any) {
	f.tb.Helper()
	f.control(http.MethodPut, "/fake/next", plan, nil)
}

// Ahead sets how far the clock of the fake is ahead of the real one.
func (f Fake) Ahead(d time.Duration) {
	f.tb.Helper()
	f.control(http.MethodPut, "/fake/clock", map[string]any{"offset_seconds": int(d.Seconds())},
		nil)
}

// Count returns how many requests to a path had a token of the identity.
func (f Fake) Count(identity, path string) int {
	f.tb.Helper()
	var list struct {
		Requests []struct{ Path string } `json:"requests"`
	}
	f.control(http.MethodGet, "/fake/requests?identity="+url.QueryEscape(identity), nil, &list)
	n := 0
	for _, request := range list.Requests {
		if request.Path == path {
			n++
		}
	}
	return n
}

// control sends a request to a control of the fake and reads the answer into v, unless v is nil.
func (f Fake) control(method, path string, body map[string]any, v any) {
	f.tb.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		f.tb.Fatal(err)
	}
	r, err := http.NewRequestWithContext(f.tb.Context(), method, f.URL+path, bytes.NewReader(text))
	if err != nil {
		f.tb.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		f.tb.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		f.tb.Fatalf("%s %s answers %d", method, path, answer.StatusCode)
	}
	if v == nil {
		return
	}
	if err := json.NewDecoder(answer.Body).Decode(v); err != nil {
		f.tb.Fatalf("%s %s: %v", method, path, err)
	}
}
