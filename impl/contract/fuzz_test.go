package contract_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	refresh "kalsel.dev/refresh"
	"kalsel.dev/refresh/impl/contract"
	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/token"
	"kalsel.dev/refresh/tests/server"
)

// fuzzTime is constant, so that the tokens of the corpus stay valid.
const fuzzTime = 1_767_225_600 // 1 January 2026

// FuzzRefreshBody sends any body through the whole server. Whatever it is, the answer keeps the contract and is never the
// server's own fault; and a body that the document refuses is refused.
func FuzzRefreshBody(f *testing.F) {
	for _, body := range fuzzSeeds(f) {
		f.Add([]byte(body), "application/json", false)
	}
	f.Add([]byte("{}"), "text/plain", false)
	f.Add([]byte("{}"), "application/json; charset=\"utf-8\"", true)
	suite, err := contract.New(refresh.OpenAPI)
	if err != nil {
		f.Fatal(err)
	}
	handler := server.Handler(
		f,
		server.Options{Now: func() time.Time { return time.Unix(fuzzTime, 0) }},
	)
	f.Fuzz(func(t *testing.T, body []byte, mediaType string, chunked bool) {
		q := contract.Request{
			Method:  http.MethodPost,
			Path:    "/api/v1/refresh",
			Header:  http.Header{"Content-Type": {mediaType}},
			Body:    body,
			Chunked: chunked,
		}
		answer := exchange(t.Context(), handler, q)
		accepted, breaches := suite.Check(t.Context(), q, answer)
		for _, breach := range breaches {
			t.Error(breach)
		}
		switch {
		case answer.Status >= http.StatusInternalServerError:
			t.Errorf("status %d for a request of a caller", answer.Status)
		case answer.Status == http.StatusOK:
			checkGrant(t, answer.Body)
		}
		if refused := answer.Status == 400 || answer.Status == 413 ||
			answer.Status == 415; !accepted &&
			!refused {
			t.Errorf("the document refuses the request, the server answers %d", answer.Status)
		}
	})
}

func exchange(ctx context.Context, h http.Handler, q contract.Request) contract.Answer {
	r := httptest.NewRequestWithContext(ctx, q.Method, q.Path, bytes.NewReader(q.Body))
	r.Header = q.Header
	if q.Chunked {
		r.ContentLength = -1
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return contract.Answer{Status: w.Code, Header: w.Header(), Body: w.Body.Bytes()}
}

func checkGrant(t *testing.T, body []byte) {
	t.Helper()
	var grant struct {
		AccessToken string `json:"access_token"`
		Expired     int64  `json:"expired"`
	}
	if err := json.Unmarshal(body, &grant); err != nil {
		t.Fatalf("the answer is not JSON: %v", err)
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(grant.AccessToken, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims struct {
		Exp   int64 `json:"exp"`
		Type  int   `json:"type"`
		Fresh bool  `json:"fresh"`
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	minutes := (grant.Expired - fuzzTime) / 60
	if claims.Exp != grant.Expired || minutes < 10 || minutes > 10080 || claims.Type != 0 ||
		claims.Fresh {
		t.Errorf("expired is %d, the claims are %+v", grant.Expired, claims)
	}
}

func fuzzSeeds(f *testing.F) []string {
	f.Helper()
	keys, err := jwk.SecretSet([]byte(server.Secret), false)
	if err != nil {
		f.Fatal(err)
	}
	issue := func(claims string) string {
		raw, err := token.NewMinter(keys, token.Rules{}).
			Issue([]byte(claims), time.Unix(fuzzTime, 0))
		if err != nil {
			f.Fatal(err)
		}
		return raw
	}
	good := issue(
		`{"exp":1769817600,"identity":"a@example.com","is_admin":false,"jti":"","name":"A","roles":["é"]}`,
	)
	expired := issue(`{"exp":1,"identity":"a@example.com"}`)
	access := issue(`{"exp":1769817600,"identity":"a@example.com","type":0}`)
	return []string{
		"", "null", "{}", "[]", `"`, "{", "\xff", "\ufeff{}", `{"refresh_token":""}`,
		`{"refresh_token":null,"limit":null}`,
		`{"refresh_token":"` + good + `"}`,
		`{"refresh_token":"` + good + `","limit":10}`,
		`{"refresh_token":"` + good + `","limit":10080}`,
		`{"refresh_token":"` + good + `","limit":10.0}`,
		`{"refresh_token":"` + good + `","limit":1e1}`,
		`{"refresh_token":"` + good + `","limit":-0}`,
		`{"refresh_token":"` + good + `","limit":99999999999999999999}`,
		`{"refresh_token":"` + good + `","Limit":10,"limit":10}`,
		`{"refresh_token":"` + good + `","limit":10,"\u006cimit":10}`,
		`{"refresh_token":"` + expired + `"}`,
		`{"refresh_token":"` + access + `"}`,
		`{"refresh_token":"\ud800","a":` + strings.Repeat(
			"[",
			200,
		) + strings.Repeat(
			"]",
			200,
		) + `}`,
		strings.Repeat(" ", 16<<10) + "{}",
	}
}
