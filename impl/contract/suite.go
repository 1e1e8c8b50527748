// Package contract runs the contract tests: it judges a deployment by openapi.yaml. The tests of
// this repository run the cases against their own server, and the command refreshd contract runs
// them against any deployment.
//
// To add an operation, write a function that returns its cases and name it in allCases. The suite
// itself notices a status that the contract declares and that no case produces.
package contract

import (
	"fmt"
	"slices"
	"strings"
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
