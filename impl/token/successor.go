package token

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strconv"
)

// sessionLength is the length of a session ID in bytes. A sid has two hexadecimal digits for each.
const sessionLength = 32

// SuccessorID returns the jti of the refresh token that this service mints for a generation of a
// session. It is empty if session is not the ID of a session, 64 lower-case hexadecimal digits, or
// the generation is below 1.
//
// The jti follows from sid and gen so that a token of ours is recognised under any key. A login
// that signs with our secret can imitate it: such a login can sign everything that we can.
func SuccessorID(session string, generation int64) string {
	if generation < 1 || len(session) != hex.EncodedLen(sessionLength) {
		return ""
	}
	for i := range len(session) {
		if c := session[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return ""
		}
	}
	var onStack [sessionLength + 20]byte // the ID, and the digits of the longest generation
	n, err := hex.Decode(onStack[:], []byte(session))
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(strconv.AppendInt(onStack[:n], generation, 10))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}
