package contract

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// Run is one case that is being run. It collects breaches, so that a report shows all of them.
type Run struct {
	Target
	ctx       context.Context
	spec      *spec
	seen      coverage
	base      *url.URL
	identity  string // of the tokens of this case alone
	exchanges int
	breaches  []Breach
	left      string // the reason if the case turned out not to apply
}

func (s *Suite) newRun(ctx context.Context, t Target, seen coverage) *Run {
	return &Run{Target: t, ctx: ctx, spec: s.spec, seen: seen, base: t.URL, identity: newIdentity()}
}

// now returns the time in Unix seconds.
func (r *Run) now() int64 { return time.Now().Unix() }

// prepared returns the target with its defaults.
func (t Target) prepared() Target {
	if t.Client == nil {
		t.Client = &http.Client{
			Timeout:       10 * time.Second,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Transport: &http.Transport{
				Proxy:                 http.ProxyFromEnvironment,
				ForceAttemptHTTP2:     true,
				ExpectContinueTimeout: 10 * time.Second,
			},
		}
	}
	if len(t.Keys) == 0 {
		t.Keys = []Key{secretKey(t.Secret)}
	}
	if t.Level == "" {
		t.Level = LevelFull
	}
	return t
}

// Run runs every case against the target, one after the other. If ctx is cancelled, the remaining
// cases are breaches.
func (s *Suite) Run(ctx context.Context, t Target) *Report {
	t = t.prepared()
	report := &Report{URL: t.URL.Redacted(), Level: t.Level, Started: time.Now()}
	began := time.Now()
	seen := coverage{}
	for _, c := range s.cases {
		report.Results = append(report.Results, s.runCase(ctx, t, c, seen))
	}
	report.Took = time.Since(began)
	report.Coverage = s.covered(t, seen, report.Results)
	return report
}

// FirstBreach runs the cases until one is broken and returns the breach; "" if none is.
func (s *Suite) FirstBreach(ctx context.Context, t Target) string {
	t = t.prepared()
	seen := coverage{}
	var results []Result
	for _, c := range s.cases {
		result := s.runCase(ctx, t, c, seen)
		if len(result.Breaches) > 0 {
			return result.Name + ": " + result.Breaches[0].String()
		}
		results = append(results, result)
	}
	for _, c := range s.covered(t, seen, results) {
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
	began := time.Now()
	r := s.newRun(ctx, t, seen)
	if c.Broken != "" {
		r.base = t.Broken[c.Broken]
	}
	c.Run(r)
	result.Took = time.Since(began)
	result.Breaches, result.LeftOut, result.Exchanges = r.breaches, r.left, r.exchanges
	if r.left != "" {
		result.Breaches = nil
	} else if r.exchanges == 0 {
		result.Breaches = append(result.Breaches, Breach{Cause: "the case sent no request"})
	}
	return result
}

// covered tells for every status that the contract declares how many answers had it. results are
// those of the cases. At LevelPage no status counts beyond those of the cases.
func (s *Suite) covered(t Target, seen coverage, results []Result) []Covered {
	var all []Covered
	for _, d := range s.spec.declared() {
		judged := len(s.only) == 0 || slices.Contains(s.only, d.operation)
		if !judged || t.Level == LevelPage {
			continue
		}
		c := Covered{Operation: d.operation, Status: d.status, Answers: seen[d]}
		if c.Answers == 0 {
			c.LeftOut = s.unreachable(d, results)
		}
		all = append(all, c)
	}
	return all
}

// unreachable returns the reason if every case that produces a status was left out, or "".
func (s *Suite) unreachable(d operationStatus, results []Result) string {
	reason := ""
	for i, c := range s.cases {
		if c.Operation() != d.operation || c.Produces != d.status {
			continue
		}
		if reason = results[i].LeftOut; reason == "" {
			return ""
		}
	}
	return reason
}
