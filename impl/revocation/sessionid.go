package revocation

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
)

// SessionID names a session (token family). Its text form is 64 lower-case hexadecimal digits. The
// zero value names no session.
type SessionID [sha256.Size]byte

// ErrNotSessionID is returned for a text that is not a session ID.
var ErrNotSessionID = errors.New("a session ID is 64 lower-case hexadecimal digits, not all of them 0")

// String returns the text form.
func (id SessionID) String() string { return hex.EncodeToString(id[:]) }

// ParseSessionID reads the text form. It returns ErrNotSessionID for any other text, upper-case
// digits and the zero value included: each session has exactly one spelling.
func ParseSessionID(s string) (SessionID, error) {
	var id SessionID
	if len(s) != hex.EncodedLen(len(id)) {
		return SessionID{}, ErrNotSessionID
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return SessionID{}, ErrNotSessionID
		}
	}
	if _, err := hex.Decode(id[:], []byte(s)); err != nil || id == (SessionID{}) {
		return SessionID{}, ErrNotSessionID
	}
	return id, nil
}

// HashOfIdentity returns the SHA-256 of an identity. Revocations are stored and looked up by this
// hash, because an identity may have any length.
func HashOfIdentity(identity string) [sha256.Size]byte {
	var onStack [256]byte // for identities of usual length: each refresh comes here
	return sha256.Sum256(append(onStack[:0], identity...))
}
