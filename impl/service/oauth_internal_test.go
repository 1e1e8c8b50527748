package service

import (
	"strings"
	"testing"
	"time"
)

// TestOAuthSettings: which issuers have metadata, where it says that the endpoints are, and which
// settings are an error.
func TestOAuthSettings(t *testing.T) {
	const hour, none = Duration(time.Hour), "the metadata needs an https URL as --issuer"
	const public = "--public-url/REFRESH_PUBLIC_URL: "
	const notWeb = public + "must be an https URL without query (http on loopback only)"
	const needsIssuer = public + "needs an https URL as --issuer/REFRESH_ISSUER"
	const life = "--oauth-lifetime/REFRESH_OAUTH_LIFETIME: must be from 10m to 7d"
	for _, c := range []struct {
		issuer, publicURL string
		lifetime          Duration
		want              string // the URL in the metadata, the reason why there is none, or the error
	}{
		{"https://login.example", "", hour, "https://login.example"},
		{"https://login.example/a/", "", hour, "https://login.example/a/"},
		{"http://127.0.0.1:8080", "", hour, "http://127.0.0.1:8080"},
		{"http://localhost:8080", "", hour, "http://localhost:8080"},
		{"http://[::1]:8080", "", hour, "http://[::1]:8080"},
		{"https://login.example", "https://refresh.example/a", hour, "https://refresh.example/a"},
		{"https://login.example", "http://localhost:80", hour, "http://localhost:80"},

		{"", "", hour, none},
		{"login", "", hour, none},
		{"http://login.example", "", hour, none},
		{"https://login.example?a=b", "", hour, none},
		{"https://login.example?", "", hour, none},
		{"https://login.example#a", "", hour, none},
		{"https://me@login.example", "", hour, none},
		{"https:login.example", "", hour, none},

		{"https://login.example", "http://refresh.example", hour, notWeb},
		{"https://login.example", "https://refresh.example?a", hour, notWeb},
		{"https://login.example", "https://refresh.example#a", hour, notWeb},
		{"https://login.example", "https://me@refresh.example", hour, notWeb},
		{"https://login.example", "refresh.example", hour, notWeb},
		{"", "https://refresh.example", hour, needsIssuer},
		{"login", "https://refresh.example", hour, needsIssuer},

		{"https://login.example", "", minAccessLifetime, "https://login.example"},
		{"https://login.example", "", maxAccessLifetime, "https://login.example"},
		{"https://login.example", "", minAccessLifetime - 1, life},
		{"https://login.example", "", maxAccessLifetime + 1, life},
	} {
		s := &Settings{
			Oauth:         true,
			Issuer:        c.issuer,
			PublicUrl:     c.publicURL,
			OauthLifetime: c.lifetime,
		}
		if err := s.checkOAuth(); err != nil {
			if err.Error() != c.want {
				t.Errorf("%+v: %v", c, err)
			}
			continue
		}
		o, err := Config{Settings: s}.oauth()
		if err != nil {
			t.Fatal(err)
		}
		off := o.Off["oauthMetadata"]
		switch {
		case off == "" && (o.Issuer != c.issuer || o.PublicURL != c.want):
			t.Errorf("%+v: issuer %q at %q", c, o.Issuer, o.PublicURL)
		case off != "" && !strings.HasPrefix(off, c.want):
			t.Errorf("%+v: %s", c, off)
		}
		if o.Lifetime != time.Duration(c.lifetime) || len(o.Off) > 2 || o.Off["oauthIntrospect"] == "" {
			t.Errorf("%+v: %+v", c, o)
		}
	}
}
