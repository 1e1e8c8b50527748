package identity

import (
	"errors"
	"log/slog"
	"strings"
	"time"

	"kalsel.dev/refresh/impl/reread"
)

// Credential is a bearer token in a file that may change at any time.
type Credential struct{ file *reread.File[string] }

// OpenCredential reads the file. It fails if the file cannot be read or does not hold one token.
func OpenCredential(path string, now func() time.Time, log *slog.Logger) (*Credential, error) {
	file, err := reread.Open(reread.Config[string]{
		Path:    path,
		Content: "credential for the user service",
		Parse:   parseCredential,
		Now:     now,
		Log:     log,
	})
	return &Credential{file}, err
}

// parseCredential returns the token in a content, without white space at its ends.
func parseCredential(content string) (string, error) {
	token := strings.TrimSpace(content)
	strange := func(c rune) bool { return c <= ' ' || c > '~' }
	switch {
	case token == "":
		return "", errors.New("the file is empty")
	case strings.ContainsFunc(token, strange):
		return "", errors.New("must hold one line of printable ASCII without spaces")
	}
	return token, nil
}
