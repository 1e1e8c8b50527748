// Package contract judges a deployment by openapi.yaml. There is one body of cases; the tests of this repository run it
// against their own server, and the command refreshd contract runs it against any deployment.
//
// To add an operation: write a function that returns its cases, and name it in allCases. The suite itself notices which
// statuses of the new operation no case produces.
package contract

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Target is a deployment to judge.
type Target struct {
	// URL is where the paths of the contract begin, such as https://example.com.
	URL *url.URL
	// Secret is the HS256 secret with which the deployment verifies refresh tokens.
	Secret []byte
	// Issuer and Audience are what the deployment demands as iss and aud; empty if it demands nothing.
	Issuer, Audience string
	// RequireType says that the deployment refuses refresh tokens without the claim type.
	RequireType bool
	// MaxLifetime bounds the life of a refresh token; 0 if the deployment has no bound.
	MaxLifetime time.Duration
	// Rotation says that the deployment rotates refresh tokens.
	Rotation bool
	// Exact judges also what only this repository's server promises, such as the wording of causes.
	Exact bool
	// Broken are copies of the deployment with one thing broken on purpose. Cases that need one are left out without it.
	Broken map[Fault]*url.URL
	// Client sends the requests; nil for one that follows no redirects and gives up after 10 s.
	Client *http.Client
}

// Fault is a thing that a tester breaks on purpose.
type Fault string

// What a tester breaks.
const (
	// ClockFails is a deployment that cannot tell the time, so that it fails while it serves a request.
	ClockFails Fault = "the server's clock fails"
	// StoreAway is a deployment whose store of revocations does not answer.
	StoreAway Fault = "the server's store is away"
)

// Case is one promise of the contract. Its name is stable and begins with the operation; reports are read by it.
type Case struct {
	Name string
	// Rule is the promise in one sentence.
	Rule string
	// Exact marks promises of this repository's server alone; other deployments are not judged by them.
	Exact bool
	// Left says why the case does not suit a target, or is nil or "" if it does.
	Left func(Target) string
	// Broken is what has to be broken for the case.
	Broken Fault
	// Produces is the status that the case brings about, for the report when the case is left out.
	Produces int
	// Slow marks a case that waits for the clock.
	Slow bool
	// Run sends requests and judges the answers.
	Run func(r *Run)
}

// Operation is the first part of the name: an operationId of the contract, or a topic.
func (c Case) Operation() string {
	operation, _, _ := strings.Cut(c.Name, "/")
	return operation
}

// left says why the case is not run against a target, or "".
func (c Case) left(t Target) string {
	switch {
	case c.Exact && !t.Exact:
		return "only refreshd promises this"
	case c.Broken != "" && t.Broken[c.Broken] == nil:
		return "cannot be provoked from outside: " + string(c.Broken)
	case c.Left != nil:
		return c.Left(t)
	}
	return ""
}

// Suite is the contract with all its cases. It is safe for concurrent use.
type Suite struct {
	spec  *spec
	cases []Case
}

// New reads a contract, an OpenAPI document.
func New(document []byte) (*Suite, error) {
	s, err := newSpec(document)
	if err != nil {
		return nil, fmt.Errorf("read the contract: %w", err)
	}
	return &Suite{spec: s, cases: allCases()}, nil
}

func allCases() []Case {
	all := slices.Concat(
		grantCases(), refreshBodyCases(), refusalCases(), bodyCases(), transportCases(), failureCases(),
		revokeCases(), revocationCases(), listCases(), administratorCases(), sessionCases(), rotationCases(), keysCases(), everywhereCases(),
		documentCases(),
	)
	slices.SortStableFunc(all, func(a, b Case) int { return rank(a) - rank(b) })
	return all
}

// rank keeps the cases of an operation together.
func rank(c Case) int {
	return slices.Index([]string{"refreshToken", "revokeToken", "createRevocation", "listRevocations", "listSessions", "endSession", "getJwks", "everywhere", "document"}, c.Operation())
}

// Cases returns the cases in the order in which they run.
func (s *Suite) Cases() []Case { return slices.Clone(s.cases) }

// Quick is the suite without its slow cases.
func (s *Suite) Quick() *Suite {
	return &Suite{spec: s.spec, cases: slices.DeleteFunc(s.Cases(), func(c Case) bool { return c.Slow })}
}

// Run runs every case against the target, one after the other. A cancelled ctx makes the remaining cases fail.
func (s *Suite) Run(ctx context.Context, t Target) *Report {
	if t.Client == nil {
		t.Client = defaultClient()
	}
	report := &Report{URL: t.URL.Redacted(), Exact: t.Exact, Started: time.Now()}
	seen := coverage{}
	for _, c := range s.cases {
		report.Results = append(report.Results, s.runCase(ctx, t, c, seen))
	}
	report.Took = time.Since(report.Started)
	report.Coverage = s.covered(t, seen)
	return report
}

// FirstBreach runs the cases until one is broken and says how; "" if the contract is kept.
func (s *Suite) FirstBreach(ctx context.Context, t Target) string {
	if t.Client == nil {
		t.Client = defaultClient()
	}
	seen := coverage{}
	for _, c := range s.cases {
		if result := s.runCase(ctx, t, c, seen); len(result.Breaches) > 0 {
			return result.Name + ": " + result.Breaches[0]
		}
	}
	for _, c := range s.covered(t, seen) {
		if breach := c.Breach(); breach != "" {
			return breach
		}
	}
	return ""
}

func (s *Suite) runCase(ctx context.Context, t Target, c Case, seen coverage) Result {
	result := Result{Name: c.Name, Rule: c.Rule, LeftOut: c.left(t)}
	if result.LeftOut != "" {
		return result
	}
	start := time.Now()
	r := &Run{Target: t, ctx: ctx, spec: s.spec, seen: seen, base: t.URL}
	if c.Broken != "" {
		r.base = t.Broken[c.Broken]
	}
	c.Run(r)
	result.Took = time.Since(start)
	result.Breaches = r.breaches
	result.Exchanges = r.exchanges
	if r.exchanges == 0 {
		result.Breaches = append(result.Breaches, "the case sent nothing")
	}
	return result
}

// covered tells for every status that the contract declares whether a case produced it.
func (s *Suite) covered(t Target, seen coverage) []Covered {
	var all []Covered
	for _, d := range s.spec.declared() {
		c := Covered{Operation: d.operation, Status: d.status, Answers: seen[d]}
		if c.Answers == 0 {
			c.LeftOut = s.unreachable(t, d)
		}
		all = append(all, c)
	}
	return all
}

// unreachable gives the reason if every case that produces a status was left out, and "" otherwise.
func (s *Suite) unreachable(t Target, d operationStatus) string {
	reason := ""
	for _, c := range s.cases {
		if c.Operation() != d.operation || c.Produces != d.status {
			continue
		}
		left := c.left(t)
		if left == "" {
			return ""
		}
		reason = left
	}
	return reason
}

func defaultClient() *http.Client {
	return &http.Client{
		Timeout:       10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, ExpectContinueTimeout: 10 * time.Second},
	}
}
