package main

import (
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// TestSettingsOf: the table names commands and settings that exist.
func TestSettingsOf(t *testing.T) {
	parser, err := kong.New(&commands{}, kong.Name("refreshd"), kong.Vars{"algorithms": algorithms})
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	var walk func(*kong.Node)
	walk = func(n *kong.Node) {
		names[strings.TrimPrefix(n.FullPath(), "refreshd ")] = true
		for _, child := range n.Children {
			walk(child)
		}
	}
	walk(parser.Model.Node)
	for name, settings := range settingsOf() {
		if !names[name] {
			t.Errorf("there is no command %q", name)
		}
		for flag := range strings.FieldsSeq(settings) {
			if _, ok := settingOf(strings.TrimPrefix(flag, "--")); !ok {
				t.Errorf("%s: there is no setting %s", name, flag)
			}
		}
	}
}
