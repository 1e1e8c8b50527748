package login_test

import (
	"testing"
	"time"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/login"
	"kalsel.dev/refresh/impl/token"
)

// profile returns a profile. A claim that is not empty takes the place of that of the profile.
func profile(t *testing.T, name, identityClaim, refreshClaim string) *token.Profile {
	t.Helper()
	p, _, err := token.ConfigureProfile(name, identityClaim, refreshClaim)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestProfiles: both tokens of a pair have the claims of the profile, and each is accepted as its
// own kind only, with one secret and with two.
func TestProfiles(t *testing.T) {
	access, err := jwk.SecretSet([]byte("another secret for tests, for access tokens only"), false)
	if err != nil {
		t.Fatal(err)
	}
	const times = `{"exp":1800003600,"iat":1800000000,`
	for _, c := range []struct {
		name            string
		profile         *token.Profile
		refresh, access string
	}{
		{
			"kalsel",
			profile(t, "kalsel", "", ""),
			`"identity":"7","is_admin":false,"jti":"J","name":"Ana","type":1}`,
			`"identity":"7","is_admin":false,"jti":"J","name":"Ana","type":0,"fresh":true}`,
		},
		{
			"flask-jwt-extended",
			profile(t, "flask-jwt-extended", "", ""),
			`"sub":"7","jti":"J","name":"Ana","type":"refresh"}`,
			`"sub":"7","jti":"J","name":"Ana","type":"access","fresh":true}`,
		},
		{
			"simplejwt with another identity claim",
			profile(t, "simplejwt", "uuid", ""),
			`"uuid":"7","jti":"J","name":"Ana","token_type":"refresh"}`,
			`"uuid":"7","jti":"J","name":"Ana","token_type":"access","fresh":true}`,
		},
		{
			"sub",
			profile(t, "sub", "", ""),
			`"sub":"7","jti":"J","name":"Ana"}`,
			`"sub":"7","jti":"J","name":"Ana","type":0,"fresh":true}`,
		},
		{
			"sub with a refresh claim",
			profile(t, "sub", "", "use=refresh"),
			`"sub":"7","jti":"J","name":"Ana","use":"refresh"}`,
			`"sub":"7","jti":"J","name":"Ana","type":0,"fresh":true}`,
		},
	} {
		rules := token.Rules{Profile: c.profile}
		for secrets, set := range map[string]*jwk.Set{
			"one secret":  keys(t),
			"two secrets": keys(t).WithAccess(access),
		} {
			t.Run(c.name+", "+secrets, func(t *testing.T) {
				user := login.Token{Identity: "7", Name: "Ana"}
				p, err := user.Pair(set, rules, now(), time.Hour, time.Hour)
				if err != nil {
					t.Fatal(err)
				}
				if got := payload(t, p.RefreshToken); got != times+c.refresh {
					t.Errorf("refresh token %s\nwant %s", got, times+c.refresh)
				}
				if got := payload(t, p.AccessToken); got != times+c.access {
					t.Errorf("access token %s\nwant %s", got, times+c.access)
				}
				v := token.NewVerifier(set, rules)
				if got, err := v.Refresh(p.RefreshToken, now()); err != nil || got.Identity != "7" {
					t.Errorf("the refresh token is rejected: %v", err)
				}
				if got, err := v.Access(p.AccessToken, now()); err != nil || got.Identity != "7" {
					t.Errorf("the access token is rejected: %v", err)
				}
				if _, err := v.Refresh(p.AccessToken, now()); err == nil {
					t.Error("the access token is accepted as a refresh token")
				}
				if _, err := v.Access(p.RefreshToken, now()); err == nil {
					t.Error("the refresh token is accepted as an access token")
				}
			})
		}
	}
}
