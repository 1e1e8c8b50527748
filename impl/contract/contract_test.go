package contract_test

import (
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	refresh "kalsel.dev/refresh"
	"kalsel.dev/refresh/impl/contract"
	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/impl/token"
	"kalsel.dev/refresh/tests/server"
)

const (
	year = 365 * 24 * time.Hour
	// programLife is the life of a refresh token that the program allows by default.
	programLife = year
)

var shared server.Shared

func TestMain(m *testing.M) { os.Exit(shared.Main(m)) }

func suite(t *testing.T) *contract.Suite {
	t.Helper()
	s, err := contract.New(refresh.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// configuration is a way to run the server that the cases are run against.
type configuration struct {
	name     string
	rules    token.Rules
	rotation *session.Rotation
}

func configurations() []configuration {
	return []configuration{
		{name: "plain"},
		{name: "issuer and audience", rules: token.Rules{Issuer: "https://login.example.com", Audience: "refresh"}},
		{name: "type required", rules: token.Rules{RequireType: true}},
		{name: "bounded life", rules: token.Rules{MaxLifetime: year}},
		{name: "rotation", rotation: &session.Rotation{Window: time.Minute}},
	}
}

func (c configuration) target(t *testing.T) contract.Target {
	t.Helper()
	options := server.Options{Rules: c.rules, Rotation: c.rotation}
	fails, isAway := options, options
	fails.Now, isAway.StoreAway = func() time.Time { panic(string(contract.ClockFails)) }, true
	broken, away := server.InProcess(t, fails), server.InProcess(t, isAway)
	return contract.Target{
		URL: server.InProcess(t, options), Rotation: c.rotation != nil, Secret: []byte(server.Secret),
		Issuer: c.rules.Issuer, Audience: c.rules.Audience, RequireType: c.rules.RequireType, MaxLifetime: c.rules.MaxLifetime,
		Exact:  true,
		Broken: map[contract.Fault]*url.URL{contract.ClockFails: broken, contract.StoreAway: away},
	}
}

func TestContract(t *testing.T) {
	left, produced := map[string]int{}, map[string]int{}
	for _, c := range configurations() {
		t.Run(c.name, func(t *testing.T) {
			report := suite(t).Run(t.Context(), c.target(t))
			show(t, report)
			for _, covered := range report.Coverage {
				produced[fmt.Sprintf("%s %d", covered.Operation, covered.Status)] += covered.Answers
			}
			for _, result := range report.Results {
				if result.LeftOut != "" {
					left[result.Name]++
				}
			}
		})
	}
	for status, times := range produced {
		if times == 0 {
			t.Errorf("%s was not produced in any configuration", status)
		}
	}
	for name, times := range left {
		if times == len(configurations()) {
			t.Errorf("%s is left out of every configuration", name)
		}
	}
}

// TestContractOfTheProgram runs the cases against the real program, as refreshd contract would.
func TestContractOfTheProgram(t *testing.T) {
	at, err := url.Parse(shared.Start(t).URL)
	if err != nil {
		t.Fatal(err)
	}
	show(t, suite(t).Run(t.Context(), contract.Target{
		URL:         at,
		Secret:      []byte(server.Secret),
		MaxLifetime: programLife,
		Exact:       true,
	}))
}

// show makes a subtest of every case, so that the output of go test reads as the contract.
func show(t *testing.T, report *contract.Report) {
	t.Helper()
	for _, result := range report.Results {
		t.Run(result.Name, func(t *testing.T) {
			for _, breach := range result.Breaches {
				t.Errorf("%s\n%s", result.Rule, breach)
			}
		})
	}
	for _, covered := range report.Coverage {
		if breach := covered.Breach(); breach != "" {
			t.Error(breach)
		}
	}
}

func TestNamesOfCases(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range suite(t).Cases() {
		if seen[c.Name] {
			t.Errorf("%s: two cases have this name", c.Name)
		}
		seen[c.Name] = true
		if strings.Count(c.Name, "/") < 1 || !strings.HasSuffix(c.Rule, ".") {
			t.Errorf("%s: wants an operation, a slash and a rule that is a sentence", c.Name)
		}
	}
}
