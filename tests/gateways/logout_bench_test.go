package gateways

import (
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/guard"
	"kalsel.dev/refresh/tests/server"
)

const credential = "bench:0123456789abcdef0123456789abcdef"

// BenchmarkLogout measures the time from the answer to a logout to the first check that rejects the
// access token. The checks follow each other without a pause. The node of the logout is the one
// that the guard follows and that the gateway asks.
func BenchmarkLogout(b *testing.B) {
	file := filepath.Join(b.TempDir(), "credentials")
	if err := os.WriteFile(file, []byte(credential+"\n"), 0o600); err != nil {
		b.Fatal(err)
	}
	service := shared.Start(b, "--api-credentials="+file,
		"--store=sqlite:"+filepath.Join(b.TempDir(), "refresh.db"))
	api := server.Serve(b, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	p := newPlace(b, service.URL)
	p.url = nginx(b, server.URL(b, service.URL), nil, api, false)
	g, err := guard.New(guard.Config{
		Server:     service.URL,
		Credential: credential,
		Secret:     []byte(server.Secret),
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(g.Close)
	for name, accepted := range map[string]func(token string) bool{
		"guard": func(token string) bool {
			_, err := g.Check(b.Context(), token)
			return err == nil
		},
		"nginx": func(token string) bool {
			r := p.request(http.MethodGet, p.url, nil)
			r.Header.Set("Authorization", "Bearer "+token)
			status, _ := p.answer(r)
			return status == http.StatusOK
		},
		"introspection": p.introspected,
	} {
		b.Run(name, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				refresh := signed(b, 1, nil)
				token := p.post("/api/v1/refresh", refresh, http.StatusOK)
				for !accepted(token) {
					time.Sleep(time.Millisecond) // the guard begins
				}
				p.post("/api/v1/revoke", refresh, http.StatusNoContent)
				answered := time.Now()
				for accepted(token) {
					time.Sleep(10 * time.Microsecond) // let the guard read
				}
				took = append(took, time.Since(answered))
			}
			slices.Sort(took)
			micro := func(share float64) float64 {
				return float64(took[int(share*float64(len(took)-1))]) / float64(time.Microsecond)
			}
			b.ReportMetric(micro(0.5), "p50-us")
			b.ReportMetric(micro(0.99), "p99-us")
		})
	}
}

// introspected reports whether an access token is active (RFC 7662).
func (p *place) introspected(token string) bool {
	form := url.Values{"token": {token}}.Encode()
	r := p.request(http.MethodPost, p.refreshd+"/oauth2/introspect", strings.NewReader(form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	name, secret, _ := strings.Cut(credential, ":")
	r.SetBasicAuth(name, secret)
	status, body := p.answer(r)
	if status != http.StatusOK {
		p.t.Fatalf("introspection answers %d %s", status, body)
	}
	return strings.Contains(body, `"active":true`)
}

func (p *place) request(method, url string, body io.Reader) *http.Request {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), method, url, body)
	if err != nil {
		p.t.Fatal(err)
	}
	return r
}

func (p *place) answer(r *http.Request) (status int, body string) {
	p.t.Helper()
	response, err := p.client.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return response.StatusCode, string(text)
}
