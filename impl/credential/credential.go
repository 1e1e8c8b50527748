// Package credential knows the credentials of APIs: names and secrets from a file.
package credential

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"

	"kalsel.dev/refresh/impl/reread"
)

// The scopes of a credential.
const (
	Introspect = "introspect"
	Feed       = "feed"
)

// minSecret is the length of the shortest secret, in characters.
const minSecret = 32

// Credential is one line of the file.
type Credential struct {
	Name   string
	Scopes []string

	hash [sha256.Size]byte // of the secret: hashes have one length, so comparing tells none
}

// File is a file with credentials that may change at any time. It is safe for concurrent use.
type File struct{ file *reread.File[[]Credential] }

// Open reads a file with credentials, one a line: name:secret, or name:secret:scopes with commas
// between the scopes. Empty lines, and lines that begin with #, are skipped. It fails if the file
// cannot be read, has no credential, or has a line that is not one.
func Open(path string, now func() time.Time, log *slog.Logger) (*File, error) {
	file, err := reread.Open(reread.Config[[]Credential]{
		Path:    path,
		Content: "API credentials",
		Parse:   parse,
		Now:     now,
		Log:     log,
	})
	return &File{file}, err
}

// Reload reads the file now.
func (f *File) Reload() { f.file.Reload() }

// Check returns the credential that the value of the header Authorization proves: Basic with the
// name and the secret, or Bearer with the secret alone. ok is false if it proves none.
func (f *File) Check(authorization string) (_ Credential, ok bool) {
	if scheme, secret, _ := strings.Cut(authorization, " "); strings.EqualFold(scheme, "Bearer") {
		return f.find("", strings.TrimSpace(secret))
	}
	name, secret, ok := Basic(authorization)
	if !ok {
		return Credential{}, false
	}
	if one, ok := f.find(name, secret); ok {
		return one, true
	}
	// OAuth clients encode both parts as in a form (RFC 6749, section 2.3.1).
	name, nameErr := url.QueryUnescape(name)
	secret, secretErr := url.QueryUnescape(secret)
	if nameErr != nil || secretErr != nil || name == "" {
		return Credential{}, false
	}
	return f.find(name, secret)
}

// Basic reads a header Authorization of HTTP Basic (RFC 7617). ok is false if it is none, or has no
// name.
func Basic(authorization string) (name, password string, ok bool) {
	scheme, value, _ := strings.Cut(authorization, " ")
	decoded, err := base64.StdEncoding.DecodeString(strings.TrimSpace(value))
	name, password, found := strings.Cut(string(decoded), ":")
	return name, password, strings.EqualFold(scheme, "Basic") && err == nil && found && name != ""
}

// find returns the credential with the secret and, unless it is empty, the name. It compares every
// credential in constant time.
func (f *File) find(name, secret string) (found Credential, ok bool) {
	hash := sha256.Sum256([]byte(secret))
	for _, one := range f.file.Value() {
		if subtle.ConstantTimeCompare(one.hash[:], hash[:]) == 1 && (name == "" || name == one.Name) {
			found, ok = one, true
		}
	}
	return found, ok
}

// Has reports whether the credential has the scope.
func (c *Credential) Has(scope string) bool { return slices.Contains(c.Scopes, scope) }

// parse reads the content of a file. Errors name the line, and never a secret.
func parse(content string) ([]Credential, error) {
	var all []Credential
	number := 0
	for line := range strings.Lines(content) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		one, err := parseLine(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		all = append(all, one)
	}
	if len(all) == 0 {
		return nil, errors.New("has no credential: write name:secret, one a line")
	}
	return all, nil
}

func parseLine(line string) (Credential, error) {
	parts := strings.Split(line, ":")
	if len(parts) < 2 || len(parts) > 3 {
		return Credential{}, errors.New("must be name:secret or name:secret:scopes")
	}
	one := Credential{Name: parts[0], Scopes: []string{Introspect, Feed}}
	strange := func(c rune) bool { return c <= ' ' || c > '~' }
	switch secret := parts[1]; {
	case one.Name == "" || strings.ContainsFunc(one.Name, strange):
		return one, errors.New("the name must be printable ASCII without spaces")
	case strings.ContainsFunc(secret, strange):
		return one, errors.New("the secret must be printable ASCII without spaces")
	case len(secret) < minSecret:
		return one, fmt.Errorf("the secret must have at least %d characters: "+
			"make one with openssl rand -hex 32", minSecret)
	default:
		one.hash = sha256.Sum256([]byte(secret))
	}
	if len(parts) == 3 {
		one.Scopes = strings.Split(parts[2], ",")
		for _, scope := range one.Scopes {
			if scope != Introspect && scope != Feed {
				return one, errors.New("the scopes must be " + Introspect + ", " + Feed +
					", or both with a comma between them")
			}
		}
	}
	return one, nil
}
