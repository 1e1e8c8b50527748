package session

import (
	"crypto/sha256"
	"encoding/binary"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/token"
)

// IDOf returns the session that a refresh token belongs to. Only a token that a signing key of this
// service verified may name its session, by sid and gen: a login service may put anything there. For any
// other token the session follows from iss, identity and jti. If there is no jti, it follows from the
// signed part of the token. The signature itself is not used: some algorithms let a holder of the token
// rewrite the signature without the key.
func IDOf(t *token.Token) revocation.SessionID {
	if id, ok := namedSession(t); ok && t.Generation >= 1 {
		return id
	}
	var onStack [512]byte // for tokens of usual size: each refresh comes here
	if t.ID == "" {
		return sha256.Sum256(append(onStack[:0], t.SigningInput...))
	}
	b := onStack[:0]
	for _, part := range [...]string{t.Issuer, t.Identity, t.ID} {
		b = binary.BigEndian.AppendUint64(b, uint64(len(part)))
		b = append(b, part...)
	}
	return sha256.Sum256(b)
}

// IDOfAccess returns the session of an access token, and false if it names none: only the service names
// it, in rotation mode.
func IDOfAccess(t *token.Token) (revocation.SessionID, bool) { return namedSession(t) }

// namedSession returns the session that a token of this service names.
func namedSession(t *token.Token) (revocation.SessionID, bool) {
	if !t.Own {
		return revocation.SessionID{}, false
	}
	id, err := revocation.ParseSessionID(t.Session)
	return id, err == nil
}

// isSuccessor reports that the refresh token was minted by this service, in rotation mode.
func isSuccessor(t *token.Token) bool {
	_, named := namedSession(t)
	return named && t.Generation >= 1
}

// generationOf returns the generation of a refresh token: 0 if a login issued it.
func generationOf(t *token.Token) int64 {
	if _, named := namedSession(t); named {
		return t.Generation
	}
	return 0
}
