package token

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// ErrNoSigningKey: no key of the set may sign now.
var ErrNoSigningKey = errors.New("no key may sign now")

// ErrNotReproducible: the key's signatures differ each time (PS256, ES256, ES384), so that a lost successor could not be minted again.
var ErrNotReproducible = errors.New("the key's algorithm does not sign reproducibly")

// Minter signs new tokens. It is safe for concurrent use if its source of randomness is.
type Minter struct {
	keys   KeySource
	rules  Rules
	random io.Reader
}

// Minted is a new token.
type Minted struct {
	Token string
	// Expires is exactly the token's exp, in Unix seconds.
	Expires int64
}

// Successor is what a session knows of its next refresh token. With the claims carried over it decides every byte of it.
type Successor struct {
	Session    string
	Generation int64
	IssuedAt   int64 // Unix seconds
	Expires    int64 // Unix seconds
	ID         string
	// KeyID names the key that signed it the first time; when that is gone, the active key signs.
	KeyID string
	// Now is when it is minted, in Unix seconds: it decides only which keys are gone. 0 is IssuedAt.
	Now int64
}

// NewMinter returns a Minter that signs with the active key of the moment.
func NewMinter(keys KeySource, rules Rules) *Minter {
	return &Minter{keys: keys, rules: rules, random: rand.Reader}
}

// WithRandom is the Minter drawing its token IDs from random.
func (m *Minter) WithRandom(random io.Reader) *Minter {
	return &Minter{keys: m.keys, rules: m.rules, random: random}
}

// stamp is what differs between the tokens minted from one set of claims.
type stamp struct {
	exp, iat   int64
	jti        string
	kind       int64
	session    string
	generation int64
}

// Access mints an access token that is not fresh, for the owner of t: type 0, a new jti, iat = now and exp = now + life in
// whole seconds. All other claims of t are carried over except nbf, sid and gen.
func (m *Minter) Access(t *Token, life time.Duration, now time.Time) (Minted, error) {
	return m.SessionAccess(t, "", life, now)
}

// SessionAccess is Access with the session's ID as sid, so that revoking the session reaches the access token.
func (m *Minter) SessionAccess(t *Token, session string, life time.Duration, now time.Time) (Minted, error) {
	key := m.keys.Keys().Active(now)
	if key == nil {
		return Minted{}, ErrNoSigningKey
	}
	var id [16]byte
	if _, err := io.ReadFull(m.random, id[:]); err != nil {
		return Minted{}, err
	}
	iat := now.Unix()
	return m.sign(key, t, stamp{
		exp: iat + int64(life/time.Second), iat: iat, session: session,
		jti: base64.RawURLEncoding.EncodeToString(id[:]),
	})
}

// Refresh mints the refresh token that follows t. Minting it again, from t or from any token of the same session with the
// same claims, gives the same bytes.
func (m *Minter) Refresh(t *Token, s Successor) (Minted, error) {
	now := s.Now
	if now == 0 {
		now = s.IssuedAt
	}
	key := m.keys.Keys().signer(s.KeyID, time.Unix(now, 0))
	if key == nil {
		return Minted{}, ErrNoSigningKey
	}
	if !key.reproducible {
		return Minted{}, ErrNotReproducible
	}
	return m.sign(key, t, stamp{
		exp: s.Expires, iat: s.IssuedAt, jti: s.ID, kind: 1, session: s.Session, generation: s.Generation,
	})
}

func (m *Minter) sign(key *Key, t *Token, s stamp) (Minted, error) {
	payload, err := m.encodeClaims(nil, &t.Claims, s)
	if err != nil {
		return Minted{}, err
	}
	input := base64.RawURLEncoding.AppendEncode([]byte(key.header), payload)
	signature, err := key.method.Sign(string(input), key.signing)
	if err != nil {
		return Minted{}, err
	}
	out := base64.RawURLEncoding.AppendEncode(append(input, '.'), signature)
	return Minted{Token: string(out), Expires: s.exp}, nil
}

// encodeClaims writes the claims in a fixed order, the custom ones last and in theirs, so that a token minted from a minted
// token has the same form.
func (m *Minter) encodeClaims(dst []byte, c *Claims, s stamp) (_ []byte, err error) {
	dst = strconv.AppendInt(append(dst, `{"exp":`...), s.exp, 10)
	dst = strconv.AppendInt(append(dst, `,"iat":`...), s.iat, 10)
	if dst, err = appendText(dst, `,"jti":`, s.jti); err != nil {
		return dst, err
	}
	dst = strconv.AppendInt(append(dst, `,"type":`...), s.kind, 10)
	dst = append(dst, `,"fresh":false`...)
	if s.session != "" {
		if dst, err = appendText(dst, `,"sid":`, s.session); err != nil {
			return dst, err
		}
	}
	if s.generation != 0 {
		dst = strconv.AppendInt(append(dst, `,"gen":`...), s.generation, 10)
	}
	if dst, err = appendOr(dst, `,"iss":`, m.rules.Issuer, c.issuer); err != nil {
		return dst, err
	}
	if dst, err = appendOr(dst, `,"aud":`, m.rules.Audience, c.audience); err != nil {
		return dst, err
	}
	if dst, err = appendText(dst, `,"identity":`, c.Identity); err != nil {
		return dst, err
	}
	if c.hasAdmin {
		dst = strconv.AppendBool(append(dst, `,"is_admin":`...), c.Admin)
	}
	return append(append(dst, c.custom...), '}'), nil
}

// appendOr writes the configured value or, without one, the one carried over as it is.
func appendOr(dst []byte, name, configured, carried string) ([]byte, error) {
	if configured != "" {
		return appendText(dst, name, configured)
	}
	if carried == "" {
		return dst, nil
	}
	return append(append(dst, name...), carried...), nil
}

func appendText(dst []byte, name, text string) ([]byte, error) {
	return jsontext.AppendQuote(append(dst, name...), text)
}
