package main

import (
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// README's table of settings says of each field of Config what the field says: flag, variable, default.
// Its columns are Flag, Environment, Default and Meaning; an absent default is an empty cell or a dash.
func TestReadmeTable(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	got := settingsTable(string(text))
	if got == nil {
		t.Fatal("README.md has no table with the columns Flag | Environment | Default | Meaning")
	}
	var want [][]string
	for field := range reflect.TypeFor[Config]().Fields() {
		want = append(want, []string{"--" + flagName(field.Name), field.Tag.Get("env"), field.Tag.Get("default")})
	}
	for _, row := range want {
		if !slices.ContainsFunc(got, func(r []string) bool { return slices.Equal(r, row) }) {
			t.Errorf("the table has no row for %q", row)
		}
	}
	for _, row := range got {
		if !slices.ContainsFunc(want, func(r []string) bool { return slices.Equal(r, row) }) {
			t.Errorf("the table has %q, which is no setting", row)
		}
	}
}

// flagName is kong's rule: CamelCase to dashes.
func flagName(field string) string {
	var out strings.Builder
	for i, r := range field {
		if i > 0 && r >= 'A' && r <= 'Z' {
			out.WriteByte('-')
		}
		out.WriteRune(r)
	}
	return strings.ToLower(out.String())
}

// settingsTable returns flag, variable and default of each row; nil without a table.
func settingsTable(markdown string) [][]string {
	var rows [][]string
	inTable := false
	for line := range strings.Lines(markdown) {
		cells := cellsOf(line)
		switch {
		case slices.Equal(cells, []string{"Flag", "Environment", "Default", "Meaning"}):
			inTable = true
		case len(cells) != 4:
			inTable = false
		case inTable && !strings.HasPrefix(cells[1], "---"):
			rows = append(rows, cells[:3])
		}
	}
	return rows
}

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
