package gateways

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
)

// TestClaims: if the gateway asks for all claims, the API receives those of refreshd, up to 4 KiB.
// The query of the client changes nothing.
func TestClaims(t *testing.T) {
	t.Parallel()
	for name, start := range gateways() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := build(t, start, true)
			for _, path := range []string{
				"/things", "/things?claims=false", "/account/password", "/admin",
			} {
				token := signed(t, 0, jwt.MapClaims{
					"fresh":    true,
					"is_admin": true,
					"team":     strings.Repeat("t", 2500),
				})
				text := p.claims(path, token)
				decoded, err := base64.RawURLEncoding.DecodeString(text)
				var claims struct{ Identity, Team string }
				if err == nil {
					err = json.Unmarshal(decoded, &claims)
				}
				if err != nil || claims.Identity != identity || len(claims.Team) != 2500 {
					t.Errorf("%s: X-Auth-Claims: %v, %.80q", path, err, text)
				}
			}
			long := signed(t, 0, jwt.MapClaims{"team": strings.Repeat("t", 4000)})
			if got := p.claims("/things", long); got != "-" {
				t.Errorf("claims of more than 4 KiB: %.80q", got)
			}
		})
	}
}

// claims returns the X-Auth-Claims that the API receives with a token. The client sends a header of
// its own.
func (p *place) claims(path, token string) string {
	p.t.Helper()
	header := bearer(token)
	header.Set("X-Auth-Claims", "eyJpZGVudGl0eSI6InJvb3QifQ")
	answer, text := p.call(http.MethodGet, path, "", header, true)
	if answer.StatusCode != http.StatusOK {
		p.t.Fatalf("%s: %d %s", path, answer.StatusCode, text)
	}
	values := p.asked.Load().Header.Values("X-Auth-Claims")
	if len(values) != 1 {
		p.t.Errorf("%s: X-Auth-Claims: %.80q", path, values)
	}
	return values[0]
}
