package contract_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	refresh "kalsel.dev/refresh"
	"kalsel.dev/refresh/impl/contract"
	"kalsel.dev/refresh/tests/server"
)

const year = 365 * 24 * time.Hour

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

func TestContract(t *testing.T) {
	left, produced := map[string]int{}, map[string]int{}
	for _, c := range configurations() {
		t.Run(c.name, func(t *testing.T) {
			cases := suite(t)
			if c.settings.Login != "" || c.accessSecret { // they change nothing about slow cases
				cases = cases.Quick()
			}
			report := cases.Run(t.Context(), c.target(t))
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
	show(t, suite(t).Run(t.Context(), contract.Target{
		URL:         server.URL(t, shared.Start(t).URL),
		Secret:      []byte(server.Secret),
		MaxLifetime: year,
		OAuth:       true,
		Level:       contract.LevelExact,
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
