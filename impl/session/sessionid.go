package session

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"

	"kalsel.dev/refresh/impl/token"
)

// ID names a session (token family). Its text form is 64 lower-case hexadecimal digits, and nothing else.
type ID [sha256.Size]byte

// ErrNotID is returned for a text that is not a session ID.
var ErrNotID = errors.New("a session ID is 64 lower-case hexadecimal digits")

// String returns the text form.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// ParseID reads the text form. It returns ErrNotID for anything else: one session has one spelling.
func ParseID(s string) (ID, error) {
	var id ID
	if len(s) != hex.EncodedLen(len(id)) {
		return ID{}, ErrNotID
	}
	for i := range id {
		hi, lo := digit(s[2*i]), digit(s[2*i+1])
		if hi > 15 || lo > 15 {
			return ID{}, ErrNotID
		}
		id[i] = hi<<4 | lo
	}
	return id, nil
}

// digit is 255 for what is not a lower-case hexadecimal digit.
func digit(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	}
	return 255
}

// IDOf returns the session that a refresh token belongs to. Only a token that our own signing key verified may name it, by
// sid and gen: a login service may put anything there. For any other token the session follows from who issued it to whom
// under which jti; without jti, from what was signed. The signature has no part in it: it can be rewritten without the key
// for some algorithms.
func IDOf(t *token.Token) ID {
	if id, ok := ownID(t); ok && t.Generation >= 1 {
		return id
	}
	// The room is on the stack for tokens of usual size: this runs for every refresh.
	var room [512]byte
	if t.ID == "" {
		return sha256.Sum256(append(room[:0], t.SigningInput...))
	}
	b := appendPart(room[:0], t.Issuer)
	b = appendPart(b, t.Identity)
	return sha256.Sum256(appendPart(b, t.ID))
}

// ownID is the session that a token of ours names.
func ownID(t *token.Token) (ID, bool) {
	if !t.Own {
		return ID{}, false
	}
	id, err := ParseID(t.Session)
	return id, err == nil
}

// namesOneToken reports that no other token can have the session ID of t.
func namesOneToken(t *token.Token) bool {
	_, own := ownID(t)
	return t.ID == "" && !(own && t.Generation >= 1)
}

func appendPart(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint64(b, uint64(len(s))), s...)
}

// identityKey is what an identity is known by in memory: identities may be of any length.
func identityKey(identity string) ID {
	var room [256]byte
	return sha256.Sum256(append(room[:0], identity...))
}

// generationOf is the place of a refresh token in its session: 0 for one that a login issued.
func generationOf(t *token.Token) int64 {
	if _, own := ownID(t); own {
		return t.Generation
	}
	return 0
}
