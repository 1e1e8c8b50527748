package store

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// escape makes a text that both engines take: PostgreSQL refuses NUL and what is not UTF-8, and an identity that cannot be
// stored could not be revoked. Backslashes are doubled, so that different texts stay different.
func escape(s string) string {
	if !strings.ContainsAny(s, "\x00\\") && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == '\\':
			b.WriteString(`\\`)
		case r == 0:
			b.WriteString(`\x00`)
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD"):
			b.WriteString(`\x` + strconv.FormatUint(uint64(s[i]), 16))
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// unescape is the inverse of escape.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for s != "" {
		head, rest, found := strings.Cut(s, `\`)
		b.WriteString(head)
		switch {
		case !found || rest == "":
			return b.String()
		case rest[0] == 'x' && len(rest) >= 3:
			if c, err := strconv.ParseUint(rest[1:3], 16, 8); err == nil {
				b.WriteByte(byte(c))
			}
			s = rest[3:]
		default:
			b.WriteByte(rest[0])
			s = rest[1:]
		}
	}
	return b.String()
}
