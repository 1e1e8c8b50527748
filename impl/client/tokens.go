package client

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"
)

// Tokens is what a keeper holds of one login. The zero value means that nobody is logged in.
type Tokens struct {
	// AccessToken goes with each request. Empty: the keeper fetches one at the first need.
	AccessToken string `json:"access_token,omitempty"`
	// RefreshToken buys new access tokens.
	RefreshToken string `json:"refresh_token"`
	// Expired is when the access token expires, in Unix seconds by the server's clock, as the server said it.
	Expired int64 `json:"expired,omitempty"`
	// Received is when the access token arrived, by the local clock. Zero: at the call of [Keeper.Login].
	Received time.Time `json:"received,omitzero"`
}

// Store keeps tokens between runs of a program and shares them between programs. It must be safe for concurrent use.
type Store interface {
	// Load returns what was saved last, the zero Tokens if nothing was.
	Load(ctx context.Context) (Tokens, error)
	// Save replaces it. The zero Tokens are saved when the session ends.
	Save(ctx context.Context, tokens Tokens) error
}

const (
	margin    = time.Minute     // before expiry, when a refresh begins
	clockStep = 5 * time.Second // that the local clock may step back unnoticed
)

// lifetime is expired minus iat: both are the server's, so it holds whatever the local clock says. A token without iat lives
// until expired by the local clock.
func (t Tokens) lifetime() time.Duration {
	if iat := issuedAt(t.AccessToken); iat > 0 && t.Expired > iat {
		return time.Duration(t.Expired-iat) * time.Second
	}
	return max(time.Unix(t.Expired, 0).Sub(t.Received.Round(0)), 0)
}

// remaining is how long the access token still lives. The monotonic clock stands still while a machine sleeps, and the wall clock can be
// put right or wrong: the one that saw more time pass counts, for the price of an early refresh.
func (t Tokens) remaining(now time.Time) time.Duration {
	wall := now.Round(0).Sub(t.Received.Round(0))
	passed := max(now.Sub(t.Received), wall)
	if passed < -clockStep {
		return 0
	}
	return max(t.lifetime()-max(passed, 0), 0)
}

// due reports whether to refresh now, and whether the access token is good for a request meanwhile.
func (t Tokens) due(now time.Time) (refresh, usable bool) {
	early := min(margin, t.lifetime()/5)
	left := t.remaining(now)
	return left <= early, left > early/4
}

// issuedAt reads iat from a token without verifying it: for timing, never for deciding. 0 if there is none.
func issuedAt(token string) int64 {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return 0
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return 0
	}
	var claims struct {
		IssuedAt float64 `json:"iat"`
	}
	if json.Unmarshal(payload, &claims) != nil {
		return 0
	}
	return int64(claims.IssuedAt)
}
