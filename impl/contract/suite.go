// Package contract runs the contract tests: it judges a deployment by openapi.yaml. The tests of
// this repository run the cases against their own server, and the command refreshd contract runs
// them against any deployment.
//
// To add an operation, write a function that returns its cases and name it in allCases. The suite
// itself notices a status that the contract declares and that no case produces.
package contract

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
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

// Case is one promise of the contract. Its name is stable and begins with the operation.
type Case struct {
	Name string
	// Rule is the promise in one sentence.
	Rule string
	// Level is the lowest level at which the promise is judged; "" is LevelFull.
	Level Level
	// Left returns the reason why the case does not apply to a target, or "". It may be nil.
	Left func(Target) string
	// Broken is the fault that the case needs.
	Broken Fault
	// Produces is the status that the case brings about, for the report if the case is left out.
	Produces int
	// Slow marks a case that waits for the clock.
	Slow bool
	// Run sends requests and judges the answers.
	Run func(r *Run)
}

// Operation returns the first part of the name: an operationId of the contract, or a topic.
func (c Case) Operation() string {
	operation, _, _ := strings.Cut(c.Name, "/")
	return operation
}

// left returns the reason why the case is not run against a target, or "".
func (c Case) left(t Target) string {
	switch {
	case !t.Level.includes(c.Level) && c.Level == LevelExact:
		return "only refreshd promises this"
	case !t.Level.includes(c.Level):
		return "the kalsel page does not say this"
	case c.Broken != "" && t.Broken[c.Broken] == nil:
		return "cannot be provoked from outside: " + string(c.Broken)
	case c.Left != nil:
		return c.Left(t)
	}
	return ""
}

// Suite is the contract with its cases. It is safe for concurrent use.
type Suite struct {
	spec  *spec
	cases []Case
	// only are the operations that are judged; all of them if it is empty.
	only []string
}

// New returns the suite of a contract, an OpenAPI document.
func New(document []byte) (*Suite, error) {
	s, err := newSpec(document)
	if err != nil {
		return nil, fmt.Errorf("read the contract: %w", err)
	}
	suite := &Suite{spec: s, cases: allCases()}
	declared := s.declared()
	for _, name := range operations()[:len(operations())-2] { // the last two are topics
		known := slices.ContainsFunc(
			declared,
			func(d operationStatus) bool { return d.operation == name },
		)
		if !known {
			return nil, fmt.Errorf("the contract has no operation %s", name)
		}
	}
	return suite, nil
}

func allCases() []Case {
	all := slices.Concat(
		grantCases(),
		refreshBodyCases(),
		refusalCases(),
		bodyCases(),
		transportCases(),
		failureCases(),
		revokeCases(),
		revocationCases(),
		listCases(),
		callerCases(),
		sessionCases(),
		rotationCases(),
		keysCases(),
		browserCases(),
		oauthTokenCases(),
		oauthRevokeCases(),
		introspectCases(),
		metadataCases(),
		offCases(),
		authenticateCases(),
		feedCases(),
		everywhereCases(),
		documentCases(),
	)
	order := operations()
	slices.SortStableFunc(all, func(a, b Case) int {
		return slices.Index(order, a.Operation()) - slices.Index(order, b.Operation())
	})
	return all
}

// operations are the first parts of the names of all cases, in their order.
func operations() []string {
	return []string{
		"refreshToken", "revokeToken", "createRevocation", "listRevocations", "listSessions",
		"endSession", "getJwks", "browserLogin", "browserRefresh", "browserLogout", "oauthToken", "oauthRevoke", "oauthIntrospect", "oauthMetadata",
		"authenticate", "authenticateFresh", "authenticateAdmin", "readFeed", "everywhere", "document",
	}
}

// Cases returns the cases in the order in which they run.
func (s *Suite) Cases() []Case { return slices.Clone(s.cases) }

// Only returns the suite with the cases of the given operations alone. It returns an error if a
// name is not known.
func (s *Suite) Only(operations ...string) (*Suite, error) {
	for _, name := range operations {
		known := slices.ContainsFunc(s.cases, func(c Case) bool { return c.Operation() == name })
		if !known {
			return nil, fmt.Errorf(
				"operation %q is not known: give %s",
				name,
				strings.Join(s.operations(), ", "),
			)
		}
	}
	other := func(c Case) bool { return !slices.Contains(operations, c.Operation()) }
	return &Suite{s.spec, slices.DeleteFunc(s.Cases(), other), operations}, nil
}

// operations are the operations that have cases.
func (s *Suite) operations() []string {
	var all []string
	for _, c := range s.cases {
		if !slices.Contains(all, c.Operation()) {
			all = append(all, c.Operation())
		}
	}
	return all
}

// Quick returns the suite without its slow cases.
func (s *Suite) Quick() *Suite {
	return &Suite{s.spec, slices.DeleteFunc(s.Cases(), func(c Case) bool { return c.Slow }), s.only}
}
