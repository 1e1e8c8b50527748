package token

import (
	"crypto/rand"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/strictjson"
)

var (
	// ErrNoSigningKey means that no key of the set may sign now.
	ErrNoSigningKey = errors.New("no key may sign now")
	// ErrNotReproducible means that the key's signatures differ each time (PS256, ES256, ES384), so
	// that a lost refresh token could not be minted again.
	ErrNotReproducible = errors.New("the key's algorithm does not sign reproducibly")
)

// Minter signs new tokens. It is safe for concurrent use if its source of randomness is.
type Minter struct {
	keys   jwk.Source
	rules  Rules
	random io.Reader
	pool   *sync.Pool
	form   form
}

// Minted is a new token.
type Minted struct {
	Token string
	// Expires is exactly the token's exp, in Unix seconds.
	Expires int64
}

// Successor is the content of the next refresh token of a session. Together with the claims that
// are carried over it decides every byte of that token.
type Successor struct {
	Session    string
	Started    int64 // of the session, in Unix seconds
	Generation int64
	IssuedAt   int64 // Unix seconds
	Expires    int64 // Unix seconds
	// KeyID names the key that signed the token the first time. If that key cannot sign any more,
	// the active key signs.
	KeyID string
	// Now is when the token is minted, in Unix seconds. It decides only which keys have expired. 0
	// means IssuedAt.
	Now int64
}

// NewMinter returns a Minter that signs with the active key of the moment. Of the rules it uses
// Issuer and Audience.
func NewMinter(keys jwk.Source, rules Rules) *Minter {
	// Without this pool BenchmarkVerifyAndMint counts 15 allocations instead of 5, and takes half
	// as long again.
	pool := &sync.Pool{New: func() any { return new(writing) }}
	rules.Profile = rules.LoginProfile()
	return &Minter{
		keys:   keys,
		rules:  rules,
		random: rand.Reader,
		pool:   pool,
		form:   formOf(rules.Profile),
	}
}

// writing is the memory that minting one token takes.
type writing struct {
	random       [16]byte
	payload, out []byte
}

// stamp is the difference between the tokens minted from one set of claims. Without an id a random
// one is drawn.
type stamp struct {
	exp, iat   int64
	id         string
	refresh    bool
	session    Session
	generation int64
	// own tells that the claims are of a refresh token of this service, so that sid is ours.
	own bool
}

// longest is the longest token that may be handed out: one that is accepted when it comes back. A
// request body has room for other members beside a refresh token. The first refresh token of a
// session must leave room for later ones: the generation gets more digits, and another key may have
// a longer ID and signature.
func (s *stamp) longest() int {
	switch {
	case !s.refresh:
		return MaxLength
	case s.generation <= 1:
		return MaxLength - 2048
	}
	return MaxLength - 64
}

// Access mints an access token that is not fresh, for the identity of t: of the profile's kind, a
// new jti, iat = now and exp = now + life in whole seconds. All other claims of t are carried over
// except nbf and the claim that only refresh tokens have. If the session has an ID, the access token
// names it: sid is the ID, auth_time is the start, gen is left out, and a sid that the login has set
// becomes login_sid. It returns ErrNoSigningKey if no key may sign, and a Rejection with ErrTooLong
// if the access token would be longer than MaxLength.
func (m *Minter) Access(
	t *Token, session Session, life time.Duration, now time.Time,
) (Minted, error) {
	key := m.keys.Keys().Access().Active(now)
	if key == nil {
		return Minted{}, ErrNoSigningKey
	}
	iat := now.Unix()
	exp := iat + int64(life/time.Second)
	return m.mint(key, &t.Claims, stamp{exp: exp, iat: iat, session: session, own: t.Own})
}

// Refresh mints the refresh token that follows t. Minting it again, from t or from any token of the
// same session with the same claims, gives the same bytes. It returns ErrNoSigningKey if no key may
// sign, ErrNotReproducible if the key's signatures differ each time, and a Rejection with
// ErrTooLong if the token, or one that follows it, could be too long for a request body.
func (m *Minter) Refresh(t *Token, s Successor) (Minted, error) {
	now := s.Now
	if now == 0 {
		now = s.IssuedAt
	}
	key := m.keys.Keys().Signer(s.KeyID, time.Unix(now, 0))
	if key == nil {
		return Minted{}, ErrNoSigningKey
	}
	if !key.Reproducible() {
		return Minted{}, ErrNotReproducible
	}
	return m.mint(key, &t.Claims, stamp{
		exp:        s.Expires,
		iat:        s.IssuedAt,
		id:         SuccessorID(s.Session, s.Generation),
		refresh:    true,
		session:    Session{ID: s.Session, Started: s.Started},
		generation: s.Generation,
		own:        t.Own,
	})
}

// Issue signs claims, a JSON object, exactly as they are, with the key that is active now, as a
// login does. It applies no rule: a Verifier decides whether the token is acceptable.
func (m *Minter) Issue(claims []byte, now time.Time) (string, error) {
	key := m.keys.Keys().Active(now)
	if key == nil {
		return "", ErrNoSigningKey
	}
	signed, err := appendToken(nil, key, claims)
	return string(signed), err
}

// mint writes the claims in a fixed order, the custom ones last and in their order, so that a token
// minted from a minted token has the same form.
func (m *Minter) mint(key *jwk.Key, c *Claims, s stamp) (Minted, error) {
	w := m.pool.Get().(*writing)
	defer m.pool.Put(w)

	dst := strconv.AppendInt(append(w.payload[:0], `{"exp":`...), s.exp, 10)
	dst = strconv.AppendInt(append(dst, `,"iat":`...), s.iat, 10)
	dst = append(dst, `,"jti":`...)
	if s.id != "" {
		dst = appendQuoted(dst, s.id)
	} else {
		if _, err := io.ReadFull(m.random, w.random[:]); err != nil {
			return Minted{}, fmt.Errorf("draw a token ID: %w", err)
		}
		dst = base64.RawURLEncoding.AppendEncode(append(dst, '"'), w.random[:])
		dst = append(dst, '"')
	}
	if s.refresh {
		dst = append(append(dst, m.form.refresh...), c.refreshOnly...)
	} else {
		dst = append(dst, m.form.access...)
	}
	if !s.refresh && m.rules.Profile.hasNotBefore {
		dst = strconv.AppendInt(append(dst, `,"nbf":`...), s.iat, 10)
	}
	if s.session.ID != "" {
		dst = appendQuoted(append(dst, `,"sid":`...), s.session.ID)
	} else if c.session != "" {
		dst = append(append(dst, `,"sid":`...), c.session...)
	}
	if s.generation != 0 {
		dst = strconv.AppendInt(append(dst, `,"gen":`...), s.generation, 10)
	} else if c.generation != "" && s.session.ID == "" {
		dst = append(append(dst, `,"gen":`...), c.generation...)
	}
	if m.rules.Issuer != "" {
		dst = appendQuoted(append(dst, `,"iss":`...), m.rules.Issuer)
	} else if c.issuer != "" {
		dst = append(append(dst, `,"iss":`...), c.issuer...)
	}
	if m.rules.Audience != "" {
		dst = appendQuoted(append(dst, `,"aud":`...), m.rules.Audience)
	} else if c.audience != "" {
		dst = append(append(dst, `,"aud":`...), c.audience...)
	}
	dst = append(append(dst, m.form.identity...), c.identity...)
	if c.hasAdmin {
		dst = strconv.AppendBool(append(dst, `,"is_admin":`...), c.Admin)
	}
	dst = s.appendSession(dst, c)
	w.payload = append(append(dst, c.custom...), '}')

	var err error
	if w.out, err = appendToken(w.out[:0], key, w.payload); err != nil {
		return Minted{}, err
	}
	if len(w.out) > s.longest() {
		return Minted{}, because(ErrTooLong, "the token that follows it would not be accepted")
	}
	return Minted{Token: string(w.out), Expires: s.exp}, nil
}

// appendQuoted appends a JSON string. Invalid UTF-8 becomes U+FFFD.
func appendQuoted(dst []byte, text string) []byte {
	for i := range len(text) {
		if !strictjson.Plain(text[i]) {
			dst, _ = jsontext.AppendQuote(dst, text)
			return dst
		}
	}
	return append(append(append(dst, '"'), text...), '"')
}

// appendToken signs the claims and appends the whole token to dst, which must be empty.
func appendToken(dst []byte, key *jwk.Key, claims []byte) ([]byte, error) {
	dst = base64.RawURLEncoding.AppendEncode(append(dst, key.Header()...), claims)
	var room [sha512.Size]byte // enough for HMAC; other methods allocate theirs anyway
	signature, err := key.AppendSignature(room[:0], dst)
	if err != nil {
		return dst, err
	}
	return base64.RawURLEncoding.AppendEncode(append(dst, '.'), signature), nil
}
