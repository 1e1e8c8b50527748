package service_test

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"kalsel.dev/refresh/impl/service"
)

var update = flag.Bool("update", false, "write docs/settings.md")

const head = `# Settings

A setting is a flag, or an environment variable of the same name; the flag wins. Without either the
default is in force. If a setting is empty or contradicts another one, the program does not start.
Every command has the same settings, so one set of variables configures the server and the commands
that work beside it.

<!-- Made from impl/service: go test ./impl/service -update -->
`

// docs/settings.md describes every setting: meaning, flag, variable, default and an example.
func TestSettingsPage(t *testing.T) {
	const path = "../../docs/settings.md"
	var page strings.Builder
	page.WriteString(head)
	for _, s := range service.AllSettings() {
		fallback := "none"
		if s.Default != "" {
			fallback = "`" + s.Default + "`"
		}
		fmt.Fprintf(&page, "\n## %s\n\n%s\n\n", s.Flag, wrap(s.Meaning))
		fmt.Fprintf(&page, "- Flag: `--%s`\n- Variable: `%s`\n- Default: %s\n- Example: `%s=%s`\n",
			s.Flag, s.Variable, fallback, s.Variable, s.Example)
	}
	if *update {
		if err := os.WriteFile(path, []byte(page.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != page.String() {
		t.Error("docs/settings.md is out of date: run go test ./impl/service -update")
	}
}

// wrap breaks text into lines of at most 100 columns.
func wrap(text string) string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if len(line)+1+len(word) > 100 {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimSpace(line + " " + word)
	}
	return strings.Join(append(lines, line), "\n")
}

// Every setting is documented, and the documentation names only settings that exist.
func TestMeanings(t *testing.T) {
	var flags []string
	for _, s := range service.AllSettings() {
		flags = append(flags, s.Flag)
	}
	name := regexp.MustCompile(`--([a-z-]+)`)
	for _, s := range service.AllSettings() {
		if s.Meaning == "" || s.Example == "" {
			t.Errorf("--%s has no meaning or no example", s.Flag)
		}
		for _, named := range name.FindAllStringSubmatch(s.Meaning, -1) {
			if !slices.Contains(flags, named[1]) {
				t.Errorf("the meaning of --%s names --%s, which is not a setting", s.Flag, named[1])
			}
		}
	}
}

// The README has a table of the settings that everybody needs, with the columns Flag, Environment,
// Default and Meaning. Each row agrees with the code.
func TestReadmeTable(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var want, got [][]string
	for _, s := range service.AllSettings() {
		want = append(want, []string{"--" + s.Flag, s.Variable, s.Default})
	}
	inTable := false
	for line := range strings.Lines(string(readme)) {
		cells := cellsOf(line)
		switch {
		case slices.Equal(cells, []string{"Flag", "Environment", "Default", "Meaning"}):
			inTable = true
		case len(cells) != 4:
			inTable = false
		case inTable && !strings.HasPrefix(cells[1], "---"):
			got = append(got, cells[:3])
		}
	}
	if len(got) == 0 {
		t.Fatal("README.md has no table with the columns Flag | Environment | Default | Meaning")
	}
	for _, row := range got {
		if !slices.ContainsFunc(want, func(r []string) bool { return slices.Equal(r, row) }) {
			t.Errorf("no setting agrees with the table's row %q", row)
		}
	}
	if !strings.Contains(string(readme), "docs/settings.md") {
		t.Error("README.md does not name docs/settings.md")
	}
}

// cellsOf returns the cells of a table's line, without code marks. A dash stands for an empty cell.
func cellsOf(line string) []string {
	line = strings.TrimSpace(line)
	if !strings.HasPrefix(line, "|") {
		return nil
	}
	cells := strings.Split(strings.Trim(line, "|"), "|")
	for i, cell := range cells {
		cells[i] = strings.Trim(strings.TrimSpace(cell), "`")
		if cells[i] == "-" || cells[i] == "–" {
			cells[i] = ""
		}
	}
	return cells
}
