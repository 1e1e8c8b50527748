package contract

import (
	"encoding/json"
	"net/http"
	"net/url"
	"time"
)

// Level says how much of a deployment is judged.
type Level string

// The levels. Each one includes the levels above it in this list.
const (
	// LevelPage judges the promises of the page of the kalsel refresh endpoint, and nothing else.
	LevelPage Level = "page"
	// LevelFull judges the whole contract, openapi.yaml. It is the default.
	LevelFull Level = "full"
	// LevelExact also judges promises that only refreshd makes, such as the wording of causes.
	LevelExact Level = "exact"
)

// includes reports whether a promise of the other level is judged.
func (l Level) includes(other Level) bool { return other.rank() <= l.rank() }

func (l Level) rank() int {
	switch l {
	case LevelPage:
		return 0
	case LevelExact:
		return 2
	default:
		return 1
	}
}

// Target is a deployment to judge.
type Target struct {
	// URL is where the paths of the contract begin, such as https://example.com.
	URL *url.URL
	// Secret is the HS256 secret with which the deployment verifies refresh tokens. It is not used
	// if Keys are given.
	Secret []byte
	// Keys are the login's keys, which sign refresh tokens that the deployment accepts. The cases use
	// the first one; one case uses each.
	Keys []Key
	// Issuer and Audience are the iss and aud that the deployment requires; "" if it requires none.
	Issuer, Audience string
	// Login is the name of the login profile; "" is kalsel. IdentityClaim is the claim that has the
	// identity; "" is that of the profile.
	Login, IdentityClaim string
	// RefreshClaim is a claim that each refresh token has, and RefreshValue its value; "" if the
	// deployment requires none.
	RefreshClaim string
	RefreshValue json.RawMessage
	// AccessSecret is the HS256 secret of access tokens; nil if it is that of refresh tokens.
	AccessSecret []byte
	// RequireType says that the deployment rejects refresh tokens without the claim type.
	RequireType bool
	// MaxLifetime is the longest lifetime of a refresh token; 0 if the deployment has no limit.
	MaxLifetime time.Duration
	// Rotation says that the deployment rotates refresh tokens.
	Rotation bool
	// UserService says that the operator's user service decides the claims of access tokens. It must
	// know the identities of the cases.
	UserService bool
	// AccessSID says that access tokens name their session. With Rotation, or with Credentials, they
	// always do.
	AccessSID bool
	// OAuth says that the deployment has the OAuth operations.
	OAuth bool
	// Credentials are the deployment's API credentials; without one that may introspect,
	// introspection is expected to be off.
	Credentials []Credential
	// Browser says that the deployment has the browser operations. BrowserLifetime is the longest
	// lifetime of their access tokens; 0 if it is not known.
	Browser         bool
	BrowserLifetime time.Duration
	// Level says how much is judged; "" is LevelFull.
	Level Level
	// Broken are copies of the deployment, each with one fault. Cases that need a fault are left out
	// if there is no copy with it.
	Broken map[Fault]*url.URL
	// Client sends the requests; nil for a client that follows no redirects and times out after 10 s.
	Client *http.Client
}

func (t Target) exact() bool { return t.Level == LevelExact }

// Fault is a fault that a tester causes on purpose.
type Fault string

// The faults that cases need.
const (
	// ClockFails is a deployment that cannot read its clock, so it fails during a request.
	ClockFails Fault = "the server's clock fails"
	// StoreUnavailable is a deployment whose store of revocations does not answer.
	StoreUnavailable Fault = "the server's store is unavailable"
	// RateLimited is a deployment that allows one request in an hour.
	RateLimited Fault = "the rate limit is reached"
	// Starting is a deployment that waits for its store.
	Starting Fault = "the server is starting"
)
