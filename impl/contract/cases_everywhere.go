package contract

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	refresh "kalsel.dev/refresh"
)

func everywhereCases() []Case {
	return slices.Concat(unknownRoutes(), otherMethods(), queryCases(), requestIDs())
}

func unknownRoutes() []Case {
	want := Want{Status: http.StatusNotFound, Kind: "not_found", Message: "Not found"}
	var all []Case
	for _, path := range []string{"/api/v1/nothing-here", "/api/v2/refresh", "/api/v1/REFRESH", "/nothing-here", "/api/v1/nothing-here?a=%00"} {
		all = append(all, Case{
			Name: "everywhere/not found/" + path, Rule: "A path that does not exist is a 404 envelope.",
			// In front of a foreign deployment other software may own all other paths.
			Exact: !strings.HasPrefix(path, "/api/"),
			Run: func(r *Run) {
				r.Send(Request{Method: http.MethodGet, Path: path}, want)
				r.Send(Request{Method: http.MethodHead, Path: path}, want)
			},
		})
	}
	return all
}

func otherMethods() []Case {
	want := Want{Status: http.StatusMethodNotAllowed, Kind: "method_not_allowed", Message: "Method not allowed"}
	var all []Case
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		all = append(all, Case{
			Name: "everywhere/other method/" + method, Rule: "A method that a path does not have is a 405 envelope with Allow.",
			Run: func(r *Run) {
				for _, path := range []string{refreshPath, revokePath} {
					r.allows(r.Send(Request{Method: method, Path: path}, want), http.MethodPost)
				}
			},
		})
	}
	return append(all, Case{
		Name: "everywhere/other method/OPTIONS", Exact: true,
		Rule: "OPTIONS names the methods of a path in Allow, without a body.",
		Run: func(r *Run) {
			a := r.Send(Request{Method: http.MethodOptions, Path: refreshPath}, Want{Status: http.StatusNoContent})
			r.allows(a, http.MethodPost)
		},
	})
}

// allows checks that Allow names the method.
func (r *Run) allows(a Answer, method string) {
	for allowed := range strings.SplitSeq(a.Header.Get("Allow"), ",") {
		if strings.TrimSpace(allowed) == method {
			return
		}
	}
	r.Breach("Allow is %q and does not name %s", a.Header.Get("Allow"), method)
}

func requestIDs() []Case {
	send := func(r *Run, id string) string {
		q := refreshRequest(bodyWith(r.sketch().sign(), "10"))
		q.Header.Set("X-Request-Id", id)
		return r.Send(q, Want{Status: http.StatusOK}).Header.Get("X-Request-Id")
	}
	return []Case{
		{
			Name: "everywhere/request ID/of the caller", Exact: true, Rule: "A short, plain X-Request-Id of the caller is kept.",
			Run: func(r *Run) {
				if got := send(r, "trace-42.a_B"); got != "trace-42.a_B" {
					r.Breach("X-Request-Id is %q", got)
				}
			},
		},
		{
			Name: "everywhere/request ID/strange", Exact: true, Rule: "An X-Request-Id that is long or strange is replaced.",
			Run: func(r *Run) {
				for _, id := range []string{strings.Repeat("a", 65), "<script>", "a b"} {
					if got := send(r, id); got == id {
						r.Breach("X-Request-Id %q is repeated", id)
					}
				}
			},
		},
	}
}

func documentCases() []Case {
	get := func(r *Run, path, media string) []byte {
		a := r.Send(Request{Method: http.MethodGet, Path: path}, Want{Status: http.StatusOK})
		if got, _, _ := strings.Cut(a.Header.Get("Content-Type"), ";"); got != media {
			r.Breach("Content-Type is %q, want %q", got, media)
		}
		r.Send(Request{Method: http.MethodHead, Path: path}, Want{Status: http.StatusOK})
		return a.Body
	}
	return []Case{
		{
			Name: "document/openapi.yaml", Exact: true, Rule: "The server serves its contract as it is written.",
			Run: func(r *Run) {
				if body := get(r, "/openapi.yaml", "application/yaml"); !bytes.Equal(body, refresh.OpenAPI) {
					r.Breach("/openapi.yaml is not the contract that the suite judges by")
				}
			},
		},
		{
			Name: "document/openapi.json", Exact: true, Rule: "The server serves its contract as JSON too.",
			Run: func(r *Run) {
				if body := get(r, "/openapi.json", "application/json"); !sameDocument(body, refresh.OpenAPI) {
					r.Breach("/openapi.json is not the contract that the suite judges by")
				}
			},
		},
	}
}

// sameDocument compares two OpenAPI documents, each in YAML or JSON.
func sameDocument(a, b []byte) bool {
	left, err := openapi3.NewLoader().LoadFromData(a)
	if err != nil {
		return false
	}
	right, err := openapi3.NewLoader().LoadFromData(b)
	if err != nil {
		return false
	}
	leftJSON, leftErr := json.Marshal(left)
	rightJSON, rightErr := json.Marshal(right)
	return leftErr == nil && rightErr == nil && bytes.Equal(leftJSON, rightJSON)
}
