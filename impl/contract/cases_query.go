package contract

import (
	"net/http"
	"strings"
)

// queryCases: a query that cannot be parsed is rejected before anything else is looked at. A server
// that skipped the malformed part would give another answer than the caller asked for.
func queryCases() []Case {
	const byRFC = "the document does not say how a query is written"
	var all []Case
	for _, o := range []struct{ operation, method, path string }{
		{"refreshToken", http.MethodPost, refreshPath},
		{"revokeToken", http.MethodPost, revokePath},
		{"listRevocations", http.MethodGet, revocationsPath},
		{"createRevocation", http.MethodPost, revocationsPath},
		{"listSessions", http.MethodGet, sessionsPath},
		{"endSession", http.MethodDelete, sessionsPath + "/a"},
		{"getJwks", http.MethodGet, keysPath},
		{"oauthToken", http.MethodPost, oauthTokenPath},
		{"oauthRevoke", http.MethodPost, oauthRevokePath},
		{"oauthIntrospect", http.MethodPost, oauthIntrospectPath},
		{"oauthMetadata", http.MethodGet, oauthMetadataPath},
	} {
		all = append(all, Case{
			Name:     o.operation + "/query/malformed",
			Rule:     "A query that cannot be parsed is rejected.",
			Produces: http.StatusBadRequest,
			Run: func(r *Run) {
				want := badRequest().silently(byRFC)
				if strings.HasPrefix(o.path, "/oauth2/") {
					want = invalidOAuth().silently(byRFC)
				}
				for _, query := range []string{"identity=some;body", "limit=1&before=3%"} {
					r.send(Request{Method: o.method, Path: o.path + "?" + query}, want)
				}
			},
		})
	}
	return all
}
