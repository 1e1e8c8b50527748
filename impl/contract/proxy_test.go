package contract_test

import (
	"net/http"
	"strings"
	"testing"

	"kalsel.dev/refresh/impl/contract"
	"kalsel.dev/refresh/tests/server"
)

// TestBehindNginx: nginx rejects some requests itself, with its own page. That is not a breach of
// the server behind it.
func TestBehindNginx(t *testing.T) {
	behind := server.InProcess(t, server.Options{})
	report := suite(t).Quick().Run(t.Context(), contract.Target{
		URL:    server.Nginx(t, behind),
		Secret: []byte(server.Secret),
	})
	show(t, report)
	var rejected []string
	for _, g := range report.LeftOut() {
		if strings.HasPrefix(g.Cause,
			"a proxy in front of the deployment rejected the repeated header ") {
			rejected = append(rejected, g.Cases...)
		}
	}
	if len(rejected) == 0 {
		t.Error("nginx rejected nothing: the test tests nothing")
	}
	t.Logf("rejected by nginx: %q", rejected)
}

// TestPageInPlaceOfTheEnvelope: a page of HTML is a breach if the request gave no proxy a reason.
func TestPageInPlaceOfTheEnvelope(t *testing.T) {
	page := func(_ *http.Request, a *answer) {
		if a.status == 400 {
			a.header = http.Header{"Content-Type": {"text/html"}}
			a.body = "<html><center><h1>400 Bad Request</h1></center></html>"
		}
	}
	if noticed(t, page, contract.LevelFull) == "" {
		t.Error("no case notices it")
	}
}
