package fake_test

import (
	"net/http"
	"strings"
	"testing"

	"kalsel.dev/refresh/impl/service"
)

// TestLoginProfile: the tokens of the fake follow the profile, and a plan finds the identity in
// them, also if it is a number.
func TestLoginProfile(t *testing.T) {
	c := startWith(t, service.Settings{Login: "simplejwt", IdentityClaim: "uid"})
	ana, ben := c.login(`{"claims":{"uid":7}}`), c.login(`{"identity":"8"}`)
	_, me := c.want(200, http.MethodGet, "/fake/me", "", "Authorization", "Bearer "+ana.AccessToken)
	if !strings.Contains(me, `{"identity":"7"`) {
		t.Error(me)
	}
	c.plan(`{"behaviour":"422","identity":"7"}`)
	c.refresh(200, `{"refresh_token":"`+ben.RefreshToken+`"}`)
	c.refresh(422, `{"refresh_token":"`+ana.RefreshToken+`"}`)
	c.refresh(200, `{"refresh_token":"`+ana.RefreshToken+`"}`)
	c.refresh(422, `{"refresh_token":"`+ana.AccessToken+`"}`)
}
