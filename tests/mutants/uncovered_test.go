package main

import "testing"

func TestChange(t *testing.T) {
	const code = "a\nif x <= y && n == -1 { n++ }\n"
	for _, c := range []struct {
		kind         string
		line, column int
		want         string // the second line
	}{
		{"CONDITIONALS_NEGATION", 2, 6, "if x > y && n == -1 { n++ }"},
		{"CONDITIONALS_BOUNDARY", 2, 6, "if x < y && n == -1 { n++ }"},
		{"CONDITIONALS_NEGATION", 2, 16, "if x <= y && n != -1 { n++ }"},
		{"INVERT_NEGATIVES", 2, 19, "if x <= y && n == +1 { n++ }"},
		{"INCREMENT_DECREMENT", 2, 25, "if x <= y && n == -1 { n-- }"},
	} {
		got, err := change([]byte(code), c.kind, c.line, c.column)
		if want := "a\n" + c.want + "\n"; err != nil || string(got) != want {
			t.Errorf("%s: got %q, %v, want %q", c.kind, got, err, want)
		}
	}
	for name, at := range map[string][2]int{
		"another place": {2, 1},
		"no column":     {2, 99},
		"no line":       {9, 1},
	} {
		if got, err := change([]byte(code), "CONDITIONALS_NEGATION", at[0], at[1]); err == nil {
			t.Errorf("%s: got %q", name, got)
		}
	}
}
