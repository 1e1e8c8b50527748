package api

import (
	"net/http"
	"strings"
	"testing"

	"kalsel.dev/refresh/impl/session"
)

// discard is a ResponseWriter that costs nothing.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

func BenchmarkEncode(b *testing.B) {
	answers := newAnswers()
	grant := session.Grant{AccessToken: strings.Repeat("a", 250), Expires: 1611318219}
	w := discard{http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		answer := answers.Get().(*refreshed)
		answer.Grant = grant
		if err := answer.VisitRefreshTokenResponse(w); err != nil {
			b.Fatal(err)
		}
	}
}
