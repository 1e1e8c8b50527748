package keys

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestWatchedFile: a changed file is used once, and a file that cannot be read is reported once.
func TestWatchedFile(t *testing.T) {
	watched := &watchedFile{path: filepath.Join(t.TempDir(), "keys.json")}
	write := func(content string) {
		if err := os.WriteFile(watched.path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	remove := func(string) {
		if err := os.Remove(watched.path); err != nil {
			t.Fatal(err)
		}
	}
	nothing := func(string) {}
	for _, step := range []struct {
		name    string
		do      func(content string)
		content string
		always  bool
		used    string
		fails   string // part of the error
	}{
		{name: "first", do: write, content: "a", used: "a"},
		{name: "unchanged", do: nothing},
		{name: "unchanged, read always", do: nothing, always: true, used: "a"},
		{name: "written with the same content", do: write, content: "a"},
		{name: "changed", do: write, content: "b", used: "b"},
		{name: "removed", do: remove, fails: "no such file"},
		{name: "still removed", do: nothing},
		{name: "still removed, read always", do: nothing, always: true, fails: "no such file"},
		{name: "empty", do: write, content: "", fails: "is empty"},
		{name: "still empty", do: nothing},
		{name: "back with the content of before", do: write, content: "b"},
		{name: "removed again", do: remove, fails: "no such file"},
		{name: "too large", do: write, content: strings.Repeat("c", maxSet+1), fails: "is larger"},
		{name: "as large as it may be", do: write, content: strings.Repeat("c", maxSet), used: "c"},
	} {
		step.do(step.content)
		used := ""
		err := watched.load(step.always, func(data []byte) error {
			used = string(data[:1])
			return nil
		})
		if used != step.used {
			t.Errorf("%s: used %q, want %q", step.name, used, step.used)
		}
		failed := err != nil
		if failed != (step.fails != "") || failed && !strings.Contains(err.Error(), step.fails) {
			t.Errorf("%s: error %v, want %q", step.name, err, step.fails)
		}
	}
	invalid := errors.New("invalid")
	write("d")
	if err := watched.load(false, func([]byte) error { return invalid }); !errors.Is(err, invalid) {
		t.Errorf("got %v, want the error of the use", err)
	}
	if err := (*watchedFile)(nil).load(true, func([]byte) error { return invalid }); err != nil {
		t.Errorf("no file: %v", err)
	}
}
