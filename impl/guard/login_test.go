package guard

import (
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"kalsel.dev/refresh/tests/server"
)

// TestLoginProfiles: in each profile the guard accepts the access tokens of the login and of
// refreshd, and rejects the refresh tokens.
func TestLoginProfiles(t *testing.T) {
	t.Parallel()
	const accessSecret = "another secret, which signs access tokens only"
	p := newPlace(t, nil)
	for _, c := range []struct {
		name   string
		change func(*Config)
		secret string
		access []jwt.MapClaims
		other  []jwt.MapClaims
	}{
		{
			"flask-jwt-extended",
			func(c *Config) { c.Login = "flask-jwt-extended" },
			server.Secret,
			[]jwt.MapClaims{{"sub": "7", "type": "access"}, {"sub": 7, "type": "access"}},
			[]jwt.MapClaims{{"sub": "7", "type": "refresh"}, {"sub": "7", "type": 0}, {"sub": "7"}},
		},
		{
			"simplejwt with another identity claim",
			func(c *Config) { c.Login, c.IdentityClaim = "simplejwt", "userId" },
			server.Secret,
			[]jwt.MapClaims{{"userId": 7, "token_type": "access"}},
			[]jwt.MapClaims{
				{"userId": 7, "token_type": "refresh"},
				{"user_id": 7, "token_type": "access"},
			},
		},
		{
			"sub",
			func(c *Config) { c.Login = "sub" },
			server.Secret,
			[]jwt.MapClaims{{"sub": "7", "type": 0}},
			[]jwt.MapClaims{{"sub": "7"}},
		},
		{
			"sub with a refresh claim",
			func(c *Config) { c.Login, c.RefreshClaim = "sub", "use=refresh" },
			server.Secret,
			[]jwt.MapClaims{{"sub": "7"}, {"sub": "7", "type": 0}},
			[]jwt.MapClaims{{"sub": "7", "use": "refresh"}},
		},
		{
			"sub with two secrets",
			func(c *Config) {
				c.Login, c.Secret, c.AccessSecret = "sub", nil, []byte(accessSecret)
			},
			accessSecret,
			[]jwt.MapClaims{{"sub": "7"}, {"sub": "7", "type": 0}},
			[]jwt.MapClaims{{"identity": "7"}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := p.config
			config.AllowStale = true // this test does not wait for the feed
			c.change(&config)
			g, err := New(config)
			if err != nil {
				t.Fatal(err)
			}
			defer g.Close()
			check := func(claims jwt.MapClaims, secret string) (*Caller, error) {
				claims["exp"] = time.Now().Add(time.Hour).Unix()
				raw, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).
					SignedString([]byte(secret))
				if err != nil {
					t.Fatal(err)
				}
				return g.Check(t.Context(), raw)
			}
			for _, claims := range c.access {
				if caller, err := check(claims, c.secret); err != nil || caller.Identity != "7" {
					t.Errorf("%v: %+v, %v", claims, caller, err)
				}
			}
			for _, claims := range c.other {
				if _, err := check(claims, c.secret); err == nil {
					t.Errorf("%v is accepted", claims)
				}
			}
			if _, err := check(c.access[0], accessSecret+server.Secret); err == nil {
				t.Error("a token of another secret is accepted")
			}
		})
	}
}
