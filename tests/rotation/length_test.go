//go:build linux

package rotation

import (
	"fmt"
	"net/http"
	"sort"
	"strings"
	"testing"
	"time"
)

// TestLongTokens: if a session's later tokens would be too long for a request body, the login's
// token is rejected. A session that has started is never stopped by the length of its tokens: each
// successor is accepted, and the last one logs out. The lengths are searched for the longest.
func TestLongTokens(t *testing.T) {
	server := launch(t, "--rotation-window=0s", "--clock-skew=0s")
	const least, most = 10_000, 12_100
	longest := least - 1 + sort.Search(most-least, func(more int) bool {
		const format = `{"identity":"ann","jti":"%d","note":%q,"type":1,"exp":%d}`
		note := strings.Repeat("x", least+more)
		exp := time.Now().Add(time.Hour).Unix()
		login := loginWith(fmt.Sprintf(format, more, note, exp))
		a := redeem(server.URL, login)
		if a.status == http.StatusUnprocessableEntity {
			const cause = "token is too long: the token that follows it would not be accepted"
			if a.cause() != cause {
				t.Fatalf("%d bytes: rejected because %q", len(login), a.cause())
			}
			return true
		}
		for generation := range 12 { // the tenth has a digit more
			if a.status != http.StatusOK || a.refresh == "" {
				t.Fatalf("%d bytes, generation %d: %d %s", len(login), generation, a.status,
					a.cause())
			}
			a = redeem(server.URL, a.refresh)
		}
		if got := claimsOf(t, a.refresh).Generation; got < 10 {
			t.Fatalf("%d bytes: the session is at generation %d only", len(login), got)
		}
		if status := logOut(t, server.URL, a.refresh); status != http.StatusNoContent {
			t.Fatalf("%d bytes: logout is answered with %d", len(login), status)
		}
		return false
	})
	if longest < least || longest == most-1 {
		t.Errorf("the longest note has %d bytes: the border is not between %d and %d", longest,
			least, most)
	}
}

func logOut(t *testing.T, url, token string) int {
	t.Helper()
	body := strings.NewReader(`{"refresh_token":"` + token + `"}`)
	resp, err := client.Post(url+"/api/v1/revoke", "application/json", body)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}
