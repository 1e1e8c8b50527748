package session

import (
	"crypto/sha256"
	"encoding/binary"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/token"
)

// IDOf returns the session that a refresh token belongs to. A token that this service minted names
// its session. A login service may put anything into sid and gen: for its tokens the session
// follows from iss, identity and jti. If there is no jti, it follows from the signed part of the
// token. The signature itself is not used: some algorithms let a holder of the token rewrite the
// signature without the key.
func IDOf(t *token.Token) revocation.SessionID {
	if t.Own {
		if id, err := revocation.ParseSessionID(t.Session); err == nil {
			return id
		}
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

// IDOfAccess returns the session that an access token names, or zero if it names none. The key is
// not asked, because keys roll over and lose their private halves. If a login service has set a sid
// of this form, no session has that ID, and nothing is found under it.
func IDOfAccess(t *token.Token) revocation.SessionID {
	id, err := revocation.ParseSessionID(t.Session)
	if err != nil {
		return revocation.SessionID{}
	}
	return id
}

// generationOf returns the generation of a refresh token: 0 if a login issued it.
func generationOf(t *token.Token) int64 {
	if t.Own {
		return t.Generation
	}
	return 0
}
