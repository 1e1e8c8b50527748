package api_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestMistakesAreExplained: a caller learns from the cause alone how to mend the request.
func TestMistakesAreExplained(t *testing.T) {
	h := newServer(t, time.Now, io.Discard)
	const noPath, noMethod = "no operation has this path: ", "this path has no such method: use "
	const operations = "it is served at the address of --ops-listen"
	const query = "query: must be name=value pairs with & between them; write % as %25 and ; as %3B"
	const keys, revocations = "/.well-known/jwks.json", "/api/v1/admin/revocations"
	claims := sample(time.Now().Add(time.Hour))
	claims["type"] = 0
	me := http.Header{"Authorization": {"Bearer " + refreshToken(t, claims)}}
	for _, c := range []struct {
		method, path string
		header       http.Header
		status       int
		cause        string
	}{
		{"POST", "/api/v1/refresh/", nil, 404, noPath + "use POST /api/v1/refresh"},
		{"POST", "/refresh", nil, 404, noPath + "use POST /api/v1/refresh"},
		{"POST", "/api/v2/Refresh", nil, 404, noPath + "use POST /api/v1/refresh"},
		{"GET", "/sessions", nil, 404, noPath + "use GET /api/v1/sessions"},
		{"GET", "/revocations", nil, 404, noPath + "use GET /api/v1/revocations"},
		{"GET", "/jwks.json", nil, 404, noPath + "use GET " + keys},
		{"GET", "/healthz", nil, 404, noPath + operations},
		{"GET", "/readyz", nil, 404, noPath + operations},
		{"GET", "/metrics", nil, 404, noPath + operations},
		{"GET", "/elsewhere", nil, 404, noPath + "GET /openapi.json lists all operations"},
		{"GET", "/api/v1/refresh", nil, 405, noMethod + "POST /api/v1/refresh"},
		{"GET", "/api/v1/sessions/1", nil, 405, noMethod + "DELETE /api/v1/sessions/{id}"},
		{"PUT", revocations, nil, 405, noMethod + "GET or POST " + revocations},
		{"POST", "/openapi.yaml", nil, 405, noMethod + "GET /openapi.yaml"},

		{"GET", "/api/v1/sessions?identity=some;body", nil, 400, query},
		{"GET", "/api/v1/sessions?identity=so%mebody", nil, 400, query},
		{"GET", "/api/v1/admin/revocations?limit=1&before=3%", nil, 400, query},
		{"DELETE", "/api/v1/sessions/1?%", nil, 400, query},
		{"POST", "/api/v1/refresh?%", nil, 400, query},
		{"POST", "/api/v1/revoke?a;b", nil, 400, query},
		{"POST", "/api/v1/admin/revocations?%", nil, 400, query},
		{"GET", keys + "?%", nil, 400, query},

		{"GET", "/api/v1/sessions?limit=1&limit=2", me, 400, "limit: must be sent once"},
		{"GET", "/api/v1/sessions?identity=a&identity=b", me, 400, "identity: must be sent once"},
		{"GET", "/api/v1/sessions?limit=x", me, 400, "limit: must be a whole number"},
		{"GET", "/api/v1/sessions?limit=", me, 400, "limit: must be a whole number"},
		{"GET", "/api/v1/sessions?limit=99999999999", me, 400, "limit: is out of range"},
		{"GET", "/api/v1/sessions?limit=0", me, 400, "limit: must be from 1 to 1000"},
		{
			"GET", keys, http.Header{"If-None-Match": {`"a"`, `"b"`}}, 400,
			"If-None-Match: must be sent once",
		},
		{
			"GET", "/api/v1/sessions", http.Header{"Authorization": {"Bearer a", "Bearer a"}}, 401,
			"Authorization: must be sent once",
		},
	} {
		r := httptest.NewRequest(c.method, c.path, nil)
		r.Header = c.header
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		want := `"causes":["` + c.cause + `"]`
		if w.Code != c.status || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s %s: got %d %s, want %d and %s",
				c.method, c.path, w.Code, w.Body, c.status, want)
		}
	}
}

// TestHeadIsGetWithoutBody: each GET route of the contract answers HEAD with the same header.
func TestHeadIsGetWithoutBody(t *testing.T) {
	server := httptest.NewServer(newServer(t, time.Now, io.Discard))
	defer server.Close()
	for _, path := range []string{
		"/.well-known/jwks.json", "/api/v1/sessions", "/api/v1/admin/revocations",
	} {
		get, err := http.Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(get.Body)
		get.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		head, err := http.Head(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		head.Body.Close()
		if head.StatusCode != get.StatusCode || head.ContentLength != int64(len(body)) {
			t.Errorf("%s: HEAD %s with length %d, GET %s with %d bytes",
				path, head.Status, head.ContentLength, get.Status, len(body))
		}
		for name := range get.Header {
			got, want := head.Header.Get(name), get.Header.Get(name)
			if name != "X-Request-Id" && name != "Date" && got != want {
				t.Errorf("%s: %s is %q for HEAD and %q for GET", path, name, got, want)
			}
		}
	}
}

// TestCausesAreLogged: the log tells why each request was rejected, without a name that the caller
// chose.
func TestCausesAreLogged(t *testing.T) {
	for text, want := range map[string]string{
		`{"refresh_token":"x"}`: `"cause":"token is malformed`,
		`{"limit":1}`:           `"cause":"limit: must be at least 10; refresh_token: is required"`,
		`{"refresh_token":"x","eyJhbGciOiJIUzI1NiIs":1}`: `"cause":"a name: is not known"`,
	} {
		var log bytes.Buffer
		w := post(newServer(t, time.Now, &log), text)
		if w.Code < 400 || w.Code >= 500 || !strings.Contains(log.String(), want) {
			t.Errorf("%s: %d, logged %s", text, w.Code, log.String())
		}
	}
}
