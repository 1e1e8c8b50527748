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
	var all []Case
	for _, path := range []string{
		"/api/v1/nothing-here", "/api/v2/refresh", "/api/v1/REFRESH", "/nothing-here", "/api/v1/nothing-here?a=%00",
	} {
		level := LevelFull
		if !strings.HasPrefix(path, "/api/") {
			level = LevelExact // other software may own the other paths of a host
		}
		all = append(all, Case{
			Name:  "everywhere/not found/" + path,
			Rule:  "A path that does not exist is a 404 envelope.",
			Level: level,
			Run: func(r *Run) {
				r.send(Request{Method: http.MethodGet, Path: path}, notFound())
				r.send(Request{Method: http.MethodHead, Path: path}, notFound())
			},
		})
	}
	return all
}

func otherMethods() []Case {
	const rule = "A method that a path does not have is a 405 envelope with Allow."
	var all []Case
	for _, method := range []string{
		http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPatch, http.MethodDelete,
	} {
		all = append(all, Case{
			Name: "everywhere/other method/" + method,
			Rule: rule,
			Run: func(r *Run) {
				for _, path := range []string{
					refreshPath, revokePath, oauthTokenPath, oauthRevokePath, oauthIntrospectPath,
				} {
					r.allows(
						r.send(Request{Method: method, Path: path}, methodNotAllowed()),
						http.MethodPost,
					)
				}
			},
		})
	}
	return append(all,
		Case{
			Name: "everywhere/other method/DELETE " + revocationsPath,
			Rule: rule,
			Run: func(r *Run) {
				a := r.send(
					Request{Method: http.MethodDelete, Path: revocationsPath},
					methodNotAllowed(),
				)
				r.allows(a, http.MethodGet)
				r.allows(a, http.MethodPost)
			},
		},
		Case{
			Name:  "everywhere/other method/OPTIONS",
			Level: LevelExact,
			Rule:  "OPTIONS names the methods of a path in Allow, without a body.",
			Run: func(r *Run) {
				q := Request{Method: http.MethodOptions, Path: refreshPath}
				r.allows(r.send(q, Want{Status: http.StatusNoContent}), http.MethodPost)
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
	r.breach(
		"Allow must name the methods of the path",
		"it is %q, without %s",
		a.Header.Get("Allow"),
		method,
	)
}

func requestIDs() []Case {
	send := func(r *Run, id string) string {
		q := refreshRequest(bodyWith(r.sketch().sign(), "10"))
		q.Header.Set("X-Request-Id", id)
		return r.send(q, ok()).Header.Get("X-Request-Id")
	}
	return []Case{
		{
			Name:  "everywhere/request ID/of the caller",
			Level: LevelExact,
			Rule:  "If the caller's X-Request-Id is short and plain, the answer has the same.",
			Run: func(r *Run) {
				if got := send(r, "trace-42.a_B"); got != "trace-42.a_B" {
					r.breach("a plain X-Request-Id must be kept", "it is %q", got)
				}
			},
		},
		{
			Name:  "everywhere/request ID/strange",
			Level: LevelExact,
			Rule:  "An X-Request-Id that is long or has special characters is replaced.",
			Run: func(r *Run) {
				for _, id := range []string{strings.Repeat("a", 65), "<script>", "a b"} {
					if got := send(r, id); got == id {
						r.breach(
							"an X-Request-Id with special characters must be replaced",
							"%q is kept",
							id,
						)
					}
				}
			},
		},
	}
}

func documentCases() []Case {
	get := func(r *Run, path, media string) []byte {
		a := r.send(Request{Method: http.MethodGet, Path: path}, ok())
		if got, _, _ := strings.Cut(a.Header.Get("Content-Type"), ";"); got != media {
			r.breach("the Content-Type of "+path+" must be "+media, "it is %q", got)
		}
		r.send(Request{Method: http.MethodHead, Path: path}, ok())
		return a.Body
	}
	return []Case{
		{
			Name:  "document/openapi.yaml",
			Level: LevelExact,
			Rule:  "The server serves its contract as it is written.",
			Run: func(r *Run) {
				if body := get(r, "/openapi.yaml", "application/yaml"); !bytes.Equal(
					body,
					refresh.OpenAPI,
				) {
					r.breach("/openapi.yaml must be the contract of this suite", "it is not")
				}
			},
		},
		{
			Name:  "document/openapi.json",
			Level: LevelExact,
			Rule:  "The server also serves its contract as JSON.",
			Run: func(r *Run) {
				if body := get(r, "/openapi.json", "application/json"); !sameDocument(
					body,
					refresh.OpenAPI,
				) {
					r.breach("/openapi.json must be the contract of this suite", "it is not")
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
