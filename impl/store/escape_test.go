package store

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestEscape(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"plain", "whois.muchlis@gmail.com", "whois.muchlis@gmail.com"},
		{"backslash", `a\b`, `a\\b`},
		{"NUL", "a\x00b", `a\x00b`},
		{"not UTF-8", "a\xffb", `a\xffb`},
		{"replacement character", "\uFFFD\xff", "\uFFFD" + `\xff`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := escape(c.in); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestEscapeRoundTrip: every string comes back, and is stored as text that PostgreSQL takes.
func TestEscapeRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOf(rapid.SampledFrom([]string{`\`, "\x00", "\xff", "\uFFFD", "x", "00", "é", "\xc3", "f"}))
		s := strings.Join(parts.Draw(t, "s"), "") + string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
		e := escape(s)
		if !utf8.ValidString(e) || strings.Contains(e, "\x00") {
			t.Fatalf("%q is stored as %q", s, e)
		}
		if back := unescape(e); back != s {
			t.Fatalf("%q is stored as %q and read as %q", s, e, back)
		}
	})
}
