package client

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"
)

// Tokens are the tokens of one login. The zero value means that the user is not logged in.
type Tokens struct {
	// AccessToken is sent with each request. If it is empty, the keeper refreshes before the first
	// request.
	AccessToken string `json:"access_token,omitempty"`
	// RefreshToken is exchanged for new access tokens.
	RefreshToken string `json:"refresh_token"`
	// Expired is the time at which the access token expires, as the server returned it: Unix
	// seconds of the server's clock.
	Expired int64 `json:"expired,omitempty"`
	// Received is the time at which the access token arrived, by the local clock. If it is zero, it
	// is the time of the call of [Keeper.Login].
	Received time.Time `json:"received,omitzero"`
	// LoggedOut has the refresh tokens of sessions that the server must still revoke after a
	// logout, separated by spaces. Only the keeper sets it.
	LoggedOut string `json:"logged_out,omitempty"`
}

// same reports whether t and other have the same tokens. It ignores the clock readings of Received,
// which change when tokens are saved to a file.
func (t Tokens) same(other Tokens) bool {
	t.Received, other.Received = time.Time{}, time.Time{}
	return t == other
}

// Store saves tokens between runs of a program and shares them between programs. It must be safe
// for concurrent use.
type Store interface {
	// Load returns the tokens that were saved last. If none were saved, it returns the zero Tokens.
	Load(ctx context.Context) (Tokens, error)
	// Save replaces the saved tokens. When a logout is confirmed, the keeper saves the zero Tokens.
	Save(ctx context.Context, tokens Tokens) error
}

const (
	margin    = time.Minute     // a refresh begins this long before the access token expires
	clockStep = 5 * time.Second // smaller backward steps of the local clock are ignored

	maxExpired = 100_000_000_000 // Unix seconds, in the year 5138; milliseconds are above it
)

// lifetime returns Expired minus the token's iat. Both are times of the server's clock, so the
// difference is right even if the local clock is wrong. If the token has no iat, lifetime compares
// Expired with the local clock.
func (t Tokens) lifetime() time.Duration {
	if iat := issuedAt(t.AccessToken); iat > 0 && t.Expired > iat {
		return time.Duration(t.Expired-iat) * time.Second
	}
	return max(time.Unix(t.Expired, 0).Sub(t.Received.Round(0)), 0)
}

// remaining returns how long the access token is still valid. The monotonic clock stops while a
// machine sleeps, and the wall clock can be changed. The clock that advanced further decides: at
// worst the keeper refreshes too early.
func (t Tokens) remaining(now time.Time) time.Duration {
	wall := now.Round(0).Sub(t.Received.Round(0))
	passed := max(now.Sub(t.Received), wall)
	if passed < -clockStep {
		return 0
	}
	return max(t.lifetime()-max(passed, 0), 0)
}

// due reports whether a refresh should begin now, and whether the access token can be used while
// the refresh is running.
func (t Tokens) due(now time.Time) (refresh, usable bool) {
	early := min(margin, t.lifetime()/5)
	left := t.remaining(now)
	return left <= early, left > early/4
}

// issuedAt returns the claim iat of a token, or 0 if there is none. It does not verify the token:
// use the result for timing only.
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
