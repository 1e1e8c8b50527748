package contract

import (
	"encoding/json"
	"net/http"
)

// rotated redeems a refresh token and returns the access token and the next refresh token.
func (r *Run) rotated(raw string) (access, successor string) {
	a := r.send(refreshRequest(bodyWith(raw, "10")), ok())
	var g struct {
		AccessToken  string `json:"access_token"`
		RefreshToken string `json:"refresh_token"`
	}
	if a.Status == http.StatusOK && (json.Unmarshal(a.Body, &g) != nil || g.RefreshToken == "") {
		r.breach("an answer with rotation must have a refresh_token", "it has none")
	}
	return g.AccessToken, g.RefreshToken
}

func rotationCases() []Case {
	return []Case{
		{
			Name:     "refreshToken/rotation/successor",
			Left:     needsRotation,
			Produces: http.StatusOK,
			Rule: "Each refresh gives the next refresh token. A retry, and another tab, get the same " +
				"next token.",
			Run: func(r *Run) {
				first := r.person().sign()
				_, successor := r.rotated(first)
				if successor == first {
					r.breach(
						"the next refresh token must be another one",
						"it is the login's token",
					)
				}
				for _, when := range []string{"before", "after"} {
					if _, again := r.rotated(first); again != successor {
						r.breach("a retry must get the same next refresh token",
							"it does not, %s that one was used", when)
					}
					r.rotated(successor)
				}
			},
		},
		{
			Name:     "refreshToken/rotation/logout",
			Left:     needsRotation,
			Produces: http.StatusUnprocessableEntity,
			Rule:     "If any token of a session is revoked, all of its tokens are.",
			Run: func(r *Run) {
				for _, newest := range []bool{false, true} {
					first := r.person().sign()
					_, successor := r.rotated(first)
					ended := first
					if newest {
						ended = successor
					}
					r.revoke(ended)
					r.send(refreshRequest(bodyWith(first, "10")), revoked())
					r.send(refreshRequest(bodyWith(successor, "10")), revoked())
				}
			},
		},
		{
			Name:     "refreshToken/rotation/off",
			Level:    LevelPage,
			Left:     needsNoRotation,
			Produces: http.StatusOK,
			Rule:     "Without rotation the answer has the two documented fields and no other.",
			Run: func(r *Run) {
				a := r.send(refreshRequest(bodyWith(r.sketch().sign(), "10")), ok())
				var fields map[string]any
				if json.Unmarshal(a.Body, &fields) == nil && len(fields) != 2 {
					r.breach(
						"an answer without rotation must have two fields",
						"it has %d",
						len(fields),
					)
				}
			},
		},
	}
}
