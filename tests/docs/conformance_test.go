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

// TestConformanceCases: each case of the contract tests, and each other test, that docs/oauth.md
// names exists.
func TestConformanceCases(t *testing.T) {
	text, err := os.ReadFile("../../docs/oauth.md")
	if err != nil {
		t.Fatal(err)
	}
	suite, err := contract.New(refresh.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	ofSuite := regexp.MustCompile("`([A-Za-z]+/[^`]+)`")
	existing, found := tests(t), 0
	for line := range strings.Lines(string(text)) {
		for _, name := range named.FindAllStringSubmatch(line, -1) {
			if !existing[name[1]+"."+name[2]] {
				t.Errorf("there is no test %s.%s", name[1], name[2])
			}
		}
		_, cases, ok := strings.Cut(line, "contract: ")
		if !ok {
			continue
		}
		for _, match := range ofSuite.FindAllStringSubmatch(cases, -1) {
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
	if found < 40 {
		t.Errorf("docs/oauth.md names %d cases: the test does not see them", found)
	}
}
