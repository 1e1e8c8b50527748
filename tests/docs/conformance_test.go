package docs_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	refresh "kalsel.dev/refresh"
	"kalsel.dev/refresh/impl/contract"
)

// TestConformanceCases: each case of the contract tests that docs/oauth.md names exists.
func TestConformanceCases(t *testing.T) {
	text, err := os.ReadFile("../../docs/oauth.md")
	if err != nil {
		t.Fatal(err)
	}
	suite, err := contract.New(refresh.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`([A-Za-z]+/[^`]+)`")
	found := 0
	for line := range strings.Lines(string(text)) {
		_, cases, ok := strings.Cut(line, "contract: ")
		if !ok {
			continue
		}
		for _, match := range named.FindAllStringSubmatch(cases, -1) {
			found++
			known := slices.ContainsFunc(suite.Cases(), func(c contract.Case) bool {
				return c.Name == match[1] ||
					strings.HasSuffix(match[1], "/") && strings.HasPrefix(c.Name, match[1])
			})
			if !known {
				t.Errorf("docs/oauth.md names the case %q, which does not exist", match[1])
			}
		}
	}
	if found < 20 {
		t.Errorf("docs/oauth.md names %d cases: the test does not see them", found)
	}
}
