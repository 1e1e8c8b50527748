package token_test

import (
	"testing"

	"kalsel.dev/refresh/impl/token"
)

func TestResembling(t *testing.T) {
	userUUID, err := profile(t, "simplejwt", "").WithIdentity("uuid")
	must(t, userUUID, err)
	kalsel := profile(t, "kalsel", "")
	for _, c := range []struct {
		configured  *token.Profile
		claims      string
		want        string
		hasIdentity bool
	}{
		{kalsel, sample, "kalsel", true},
		{kalsel, `{"identity":"a","type":0}`, "kalsel", true},
		{kalsel, `{"sub":"1","type":"refresh","fresh":false}`, "flask-jwt-extended", true},
		{kalsel, `{"sub":"1","type":"access"}`, "flask-jwt-extended", true},
		{kalsel, `{"user_id":1,"token_type":"refresh"}`, "simplejwt", true},
		{kalsel, `{"sub":1}`, "sub", true},
		{kalsel, `{"sub":1,"type":0}`, "sub", true},
		{kalsel, `{"sub":1,"type":"id"}`, "sub", true},
		{kalsel, `{"user_id":1}`, "", false},
		{kalsel, `{}`, "", false},
		{kalsel, `{"":"x","sub":1}`, "sub", true},
		{kalsel, `no JSON`, "", false},
		// The claim of the identity is another one than the profile's.
		{kalsel, `{"uid":1,"type":"access"}`, "flask-jwt-extended", false},
		{kalsel, `{"identity":1,"type":"refresh"}`, "flask-jwt-extended", false},
		{kalsel, `{"sub":1,"token_type":"access"}`, "simplejwt", false},
		{kalsel, `{"identity":"a","token_type":"refresh"}`, "simplejwt", false},
		// The configured profile is one that fits, but another one may fit better.
		{userUUID, `{"uuid":1,"token_type":"refresh"}`, "simplejwt", true},
		{userUUID, `{"identity":"a","type":1}`, "kalsel", true},
		{profile(t, "sub", ""), `{"sub":1,"type":"refresh"}`, "flask-jwt-extended", true},
		{profile(t, "sub", "type=refresh"), `{"sub":1,"type":"refresh"}`, "sub", true},
		{
			profile(t, "sub", "use=refresh"),
			`{"sub":1,"token_type":"refresh","use":"refresh"}`,
			"sub",
			true,
		},
	} {
		found, hasIdentity := c.configured.Resembling([]byte(c.claims))
		got := ""
		if found != nil {
			got = found.Name
		}
		if got != c.want || hasIdentity != c.hasIdentity {
			t.Errorf("%s, configured %s: resembles %q, %v; want %q, %v",
				c.claims, c.configured.Name, got, hasIdentity, c.want, c.hasIdentity)
		}
	}
}
