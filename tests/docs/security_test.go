package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	named    = regexp.MustCompile("`([a-z]+)\\.((?:Test|Fuzz)[A-Za-z0-9]+)`")
	declared = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)[A-Za-z0-9]+)\(`)
)

// tests returns the tests of the repository as package.Test, by the names of their folders.
func tests(t *testing.T) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	for _, pattern := range []string{"impl/*/*_test.go", "tests/*/*_test.go", "cmd/*/*_test.go"} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(files), err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, found := range declared.FindAllStringSubmatch(string(text), -1) {
				all[filepath.Base(filepath.Dir(file))+"."+found[1]] = true
			}
		}
	}
	return all
}

// TestPracticesAreTested: in docs/security.md, each practice that is said to be followed names at
// least one test, and each test that is named exists.
func TestPracticesAreTested(t *testing.T) {
	existing, practices := tests(t), 0
	for line := range strings.Lines(read(t, "docs/security.md")) {
		names := named.FindAllStringSubmatch(line, -1)
		for _, name := range names {
			if !existing[name[1]+"."+name[2]] {
				t.Errorf("there is no test %s.%s", name[1], name[2])
			}
		}
		cells := strings.Split(line, "|")
		if len(cells) < 5 || !strings.HasPrefix(strings.TrimSpace(cells[3]), "yes") {
			continue
		}
		practices++
		if len(names) == 0 {
			t.Errorf("a practice without a test: %s", line)
		}
	}
	if practices < 15 {
		t.Errorf("%d practices are followed; the table was not read", practices)
	}
}
