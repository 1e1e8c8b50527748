package contract

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

const keysPath = "/.well-known/jwks.json"

func keysRequest(known ...string) Request {
	q := Request{Method: http.MethodGet, Path: keysPath, Header: http.Header{}}
	if known != nil {
		q.Header["If-None-Match"] = known
	}
	return q
}

func keysCases() []Case {
	return []Case{
		{
			Name: "getJwks/keys/public halves", Rule: "What is published verifies and never signs: no secret, no private member.",
			Produces: http.StatusOK, Run: func(r *Run) { r.hasNoSecret(r.Send(keysRequest(), Want{Status: http.StatusOK})) },
		},
		{
			Name: "getJwks/keys/a secret", Exact: true, Rule: "A server that signs with a secret publishes an empty set.",
			Run: func(r *Run) {
				a := r.Send(keysRequest(), Want{Status: http.StatusOK})
				var set struct{ Keys []json.RawMessage }
				if json.Unmarshal(a.Body, &set) != nil || set.Keys == nil || len(set.Keys) != 0 {
					r.Breach("the set is not empty")
				}
			},
		},
		{
			Name: "getJwks/cache/for anybody", Rule: "Everybody may cache the keys, and not for ever.", Produces: http.StatusOK,
			Run: func(r *Run) { r.isCacheable(r.Send(keysRequest(), Want{Status: http.StatusOK})) },
		},
		{
			Name: "getJwks/cache/not modified", Rule: "Whoever has the set is told so, without its body.", Produces: http.StatusNotModified,
			Run: func(r *Run) {
				etag := r.Send(keysRequest(), Want{Status: http.StatusOK}).Header.Get("ETag")
				for _, known := range []string{etag, "W/" + strings.TrimPrefix(etag, "W/"), `"another", ` + etag, "*"} {
					a := r.Send(keysRequest(known), Want{Status: http.StatusNotModified})
					r.isCacheable(a)
					if len(a.Body) > 0 {
						r.Breach("304 has a body")
					}
				}
				r.Send(keysRequest(`"another"`), Want{Status: http.StatusOK})
			},
		},
		{
			Name: "getJwks/parameter/If-None-Match twice", Rule: "If-None-Match is sent at most once.", Produces: http.StatusBadRequest,
			Run: func(r *Run) {
				r.Send(keysRequest(`"one"`, `"two"`), Want{
					Status: http.StatusBadRequest, Kind: "bad_request", Message: "Request is not valid",
					Silent: "a document cannot forbid to repeat a header",
				})
			},
		},
		{
			Name: "getJwks/failure/server's own fault", Broken: ClockFails, Produces: http.StatusInternalServerError,
			Rule: "A failure of the server is a 500 envelope that tells nothing of its insides.",
			Run: func(r *Run) {
				r.showsNoInsides(r.Send(keysRequest(), Want{
					Status: http.StatusInternalServerError, Kind: "internal", Message: "Something went wrong on our side", Causes: []string{},
				}))
			},
		},
	}
}

func (r *Run) hasNoSecret(a Answer) {
	var set struct{ Keys []map[string]any }
	if err := json.Unmarshal(a.Body, &set); err != nil {
		r.Breach("the set is not what the contract says")
	}
	for i, key := range set.Keys {
		if kty, _ := key["kty"].(string); !slices.Contains([]string{"RSA", "EC", "OKP"}, kty) {
			r.Breach("key %d has kty %q", i, kty)
		}
		for _, private := range []string{"d", "k", "p", "q", "dp", "dq", "qi", "oth"} {
			if _, found := key[private]; found {
				r.Breach("key %d has the private member %s", i, private)
			}
		}
	}
}

func (r *Run) isCacheable(a Answer) {
	control := a.Header.Get("Cache-Control")
	if !strings.Contains(control, "public") || !strings.Contains(control, "max-age=") {
		r.Breach("Cache-Control is %q, want public and max-age", control)
	}
	if etag := a.Header.Get("ETag"); !strings.HasSuffix(etag, `"`) || len(etag) < 3 {
		r.Breach("ETag is %q", etag)
	}
}
