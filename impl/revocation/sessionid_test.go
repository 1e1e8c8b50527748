package revocation_test

import (
	"errors"
	"strings"
	"testing"

	"kalsel.dev/refresh/impl/revocation"
)

const someSession = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

func TestParseSessionID(t *testing.T) {
	for _, c := range []struct {
		name, text string
		ok         bool
	}{
		{"own form", someSession, true},
		{"upper case", strings.ToUpper(someSession), false},
		{"too short", someSession[1:], false},
		{"too long", someSession + "0", false},
		{"empty", "", false},
		{"line end", someSession[:63] + "\n", false},
		{"not hexadecimal", someSession[:63] + "g", false},
		{"zero, which names no session", strings.Repeat("0", 64), false},
		{"a colon, which follows 9", someSession[:63] + ":", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			id, err := revocation.ParseSessionID(c.text)
			if c.ok && (err != nil || id.String() != c.text) {
				t.Errorf("got %v, %v", id, err)
			}
			if !c.ok && !errors.Is(err, revocation.ErrNotSessionID) {
				t.Errorf("got %v, %v, want ErrNotSessionID", id, err)
			}
		})
	}
}
