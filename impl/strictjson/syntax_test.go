package strictjson

import (
	"strings"
	"testing"
)

// TestSyntaxFault shows the causes of common mistakes that the tests of the decoders do not show.
func TestSyntaxFault(t *testing.T) {
	const not = "is not valid JSON"
	const text = not + "; put text in double quotes, and write true, false and null in lower case"
	for data, want := range map[string]string{
		"{\u201ca\u201d:1}":     not + "; use straight double quotes (byte 2)",
		"{\"a\":\u201cb\u201d}": not + "; use straight double quotes (byte 6)",
		`{"a":'b'}`:             not + "; use double quotes in place of single quotes (byte 6)",
		`{"a":[1, ]}`:           not + "; remove the comma before the bracket (byte 8)",
		`{"a":True}`:            text + " (byte 6)",
		`{"a":undefined}`:       text + " (byte 6)",
		`{"a":eyJhbGci}`:        text + " (byte 6)",
		"{\"a\":\"b\x00\"}":     not + `; write a line break in a string as \n (byte 8)`,
		`undefined`:             not + "; start with { (byte 1)",
		`{"a":tru}`:             not + " (byte 9)",
		"\xff":                  "is not valid UTF-8",
	} {
		if got := syntaxFault([]byte(data)); got != want {
			t.Errorf("%q: %q, want %q", data, got, want)
		}
	}
}

// FuzzSyntaxFault: a cause repeats nothing of a body, whatever it holds.
func FuzzSyntaxFault(f *testing.F) {
	for _, seed := range []string{"", "{", `{"secret":`, `{"a":1,}`, "\ufeff{}", "{'a'", "\xff",
		`{"a"x`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		const marker = "eyJhbGciOiJIUzI1NiJ9"
		got := syntaxFault(append(append([]byte{}, data...), marker...))
		if strings.Contains(got, marker) || len(got) > 200 {
			t.Errorf("%q", got)
		}
	})
}
