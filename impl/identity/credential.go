package identity

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"
)

// readEvery is how long a change of the file may go unnoticed.
const readEvery = time.Second

// Credential is a bearer token in a file, which is read again when it changes. If the file then
// cannot be used, the token that was read before stays in force.
type Credential struct {
	path string
	now  func() time.Time
	log  *slog.Logger

	mu      sync.Mutex
	read    time.Time
	token   string
	failure string // of the last reading
}

// OpenCredential reads the file. It fails if the file cannot be read or does not hold one token.
func OpenCredential(path string, now func() time.Time, log *slog.Logger) (*Credential, error) {
	c := &Credential{path: path, now: now, log: log, read: now()}
	var err error
	if c.token, err = readCredential(path); err != nil {
		return nil, err
	}
	return c, nil
}

// current returns the token in force.
func (c *Credential) current() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if since := now.Sub(c.read); since < readEvery && since >= 0 {
		return c.token
	}
	c.read = now
	token, err := readCredential(c.path)
	if err != nil {
		if c.failure != err.Error() {
			c.log.Error("The credential for the user service cannot be read again; the one that was "+
				"read before stays in force", "error", err)
		}
		c.failure = err.Error()
		return c.token
	}
	if token != c.token {
		c.log.Info("The credential for the user service was read again", "path", c.path)
	}
	c.token, c.failure = token, ""
	return c.token
}

// readCredential returns the token in a file, without white space at its ends. Errors do not hold
// any part of it.
func readCredential(path string) (string, error) {
	content, err := os.ReadFile(path) //nolint:gosec // the operator names the file
	if err != nil {
		return "", fmt.Errorf("cannot be read: %w", err)
	}
	token := strings.TrimSpace(string(content))
	strange := func(c rune) bool { return c <= ' ' || c > '~' }
	switch {
	case token == "":
		return "", errors.New(path + " is empty")
	case strings.ContainsFunc(token, strange):
		return "", errors.New(path + " must hold one line of printable ASCII without spaces")
	}
	return token, nil
}
