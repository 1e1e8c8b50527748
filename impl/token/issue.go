package token

import (
	"encoding/base64"
	"time"
)

// Issue signs claims, a JSON object, just as they are, with the key active now: what a login service does. It applies no
// rule; a Verifier says whether the result is acceptable.
func (m *Minter) Issue(claims []byte, now time.Time) (string, error) {
	key := m.keys.Keys().Active(now)
	if key == nil {
		return "", ErrNoSigningKey
	}
	input := base64.RawURLEncoding.AppendEncode([]byte(key.header), claims)
	signature, err := key.method.Sign(string(input), key.signing)
	if err != nil {
		return "", err
	}
	return string(base64.RawURLEncoding.AppendEncode(append(input, '.'), signature)), nil
}
