package service

import (
	"log/slog"
	"testing"
	"time"
)

// A development key is made only if no other machine can reach the server.
func TestDevelopmentKeys(t *testing.T) {
	for address, want := range map[string]bool{
		"127.0.0.1:8080":            true,
		"127.255.0.9:0":             true,
		"[::1]:80":                  true,
		"localhost:80":              true,
		"LOCALHOST:80":              true,
		":8080":                     false,
		"0.0.0.0:80":                false,
		"[::]:80":                   false,
		"10.0.0.1:80":               false,
		"128.0.0.1:80":              false,
		"localhost.evil.example:80": false,
		"127.0.0.1.example:80":      false,
		"127.1:80":                  false,
		"127.0.0.1":                 false,
		"":                          false,
	} {
		s := Settings{Listen: address}
		_, err := s.developmentKeys(time.Now, slog.New(slog.DiscardHandler))
		if (err == nil) != want {
			t.Errorf("developmentKeys with %q: %v, want keys: %t", address, err, want)
		}
	}
}

func TestWithoutNewline(t *testing.T) {
	for in, want := range map[string]string{
		"secret":     "secret",
		"secret\n":   "secret",
		"secret\n\n": "secret\n",
		"secret\r\n": "secret",
		" secret \n": " secret ",
		"secret\r":   "secret\r",
		"\nsecret":   "\nsecret",
		"\n":         "",
		"":           "",
	} {
		if got := string(withoutNewline([]byte(in))); got != want {
			t.Errorf("withoutNewline(%q) = %q, want %q", in, got, want)
		}
	}
}
