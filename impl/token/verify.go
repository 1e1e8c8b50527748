package token

import (
	"bytes"
	"slices"
	"sync"
	"time"
)

// leeway is how many seconds iat and nbf may be ahead, because clocks differ. exp has none.
const leeway = 60

// Rules is what a token must satisfy beyond its signature. The zero value is usable.
type Rules struct {
	// Issuer and Audience, when set, must match iss and be in aud; minted tokens carry them.
	Issuer   string
	Audience string
	// RequireType refuses refresh tokens without a type.
	RequireType bool
	// TokenLifetime, when set, is how long the login's refresh tokens live: one without iat was issued that long before its exp.
	TokenLifetime time.Duration
	// MaxLifetime, when set, bounds exp - iat of refresh tokens; exp - now without iat.
	MaxLifetime time.Duration
}

// Token is a token that was verified.
type Token struct {
	Claims
	// KeyID is the ID of the key that verified the token; not the token's own kid, which may be ignored.
	KeyID string
	// Own reports that a key of ours which can sign verified the token, not an issuer's or another public key.
	Own bool
	// SigningInput is header.payload, what the signature covers. Unlike the signature it cannot be rewritten.
	SigningInput string

	lifetime int64 // Rules.TokenLifetime in seconds
}

// Issued is when the token was issued, in Unix seconds: its iat or, without one, its exp less Rules.TokenLifetime. It is false
// when neither is known.
func (t *Token) Issued() (int64, bool) {
	if t.HasIssuedAt || t.lifetime == 0 {
		return t.IssuedAt, t.HasIssuedAt
	}
	return t.Expires - t.lifetime, true
}

// Verifier checks tokens. It is safe for concurrent use.
type Verifier struct {
	keys   KeySource
	rules  Rules
	pool   sync.Pool
	proven proven
}

// NewVerifier returns a Verifier that asks keys anew for each token.
func NewVerifier(keys KeySource, rules Rules) *Verifier {
	// Without this pool BenchmarkVerifyAndMint counts 25 allocations instead of 5 and takes half as long again.
	return &Verifier{keys: keys, rules: rules, pool: sync.Pool{New: func() any { return new(reading) }}}
}

// reading is the room that reading one token takes.
type reading struct {
	members                       members
	raw, part, payload, signature []byte
	custom, digested              []byte
	header                        header
	headerPart                    []byte // what header was read from
}

// Refresh verifies a refresh token at the time now and returns a Fault when it is refused. With ErrExpired the token is
// returned too: it is genuine, and expiry is its only fault. With any other error it is nil.
func (v *Verifier) Refresh(raw string, now time.Time) (*Token, error) {
	return v.verify(raw, now.Unix(), true)
}

// Access verifies an access token, as Refresh does a refresh token.
func (v *Verifier) Access(raw string, now time.Time) (*Token, error) {
	return v.verify(raw, now.Unix(), false)
}

func (v *Verifier) verify(raw string, now int64, refresh bool) (*Token, error) {
	r := v.pool.Get().(*reading)
	defer v.pool.Put(r)
	key, input, err := v.open(r, raw, now)
	if err != nil {
		return nil, err
	}
	t := &Token{KeyID: key.id, Own: key.CanSign() && !key.issuer, SigningInput: input}
	t.lifetime = int64(v.rules.TokenLifetime / time.Second)
	if r.custom, err = decodeClaims(&r.members, r.payload, r.custom, &t.Claims); err != nil {
		return nil, err
	}
	if err := v.claimsFault(key, t, now, refresh); err != nil {
		return nil, err
	}
	if now >= t.Expires {
		return t, ErrExpired
	}
	return t, nil
}

// open checks shape, header and signature and leaves the claims, still unread, in r.payload.
func (v *Verifier) open(r *reading, raw string, now int64) (*Key, string, error) {
	s, err := shapeOf(raw)
	if err != nil {
		return nil, "", err
	}
	if err := r.decode(raw, s); err != nil {
		return nil, "", err
	}
	key, err := selectKey(v.keys.Keys(), r.header, now)
	if err != nil {
		return nil, "", err
	}
	if !v.genuine(key, r, s) {
		return nil, "", ErrSignature
	}
	return key, raw[:s.last], nil
}

// genuine checks the signature, asymmetric ones of a token seen before from memory.
func (v *Verifier) genuine(key *Key, r *reading, s shape) bool {
	if key.macs != nil {
		return key.verify(r.raw[:s.last], r.signature) // as quick as the memory would be
	}
	var d digest
	d, r.digested = key.digestOf(r.digested, r.raw)
	if v.proven.has(d) {
		return true
	}
	if !key.verify(r.raw[:s.last], r.signature) {
		return false
	}
	v.proven.add(d)
	return true
}

func (r *reading) decode(raw string, s shape) (err error) {
	r.raw = append(r.raw[:0], raw...)
	if err = r.decodeHeader(r.raw[:s.first]); err != nil {
		return err
	}
	if r.payload, err = decodePart(r.payload, r.raw[s.first+1:s.last]); err != nil {
		return err
	}
	r.signature, err = decodePart(r.signature, r.raw[s.last+1:])
	return err
}

// decodeHeader spares itself the work when the header is, byte for byte, the one that was read last: a login service writes the
// same one into all its tokens.
func (r *reading) decodeHeader(part []byte) (err error) {
	if len(part) > 0 && bytes.Equal(part, r.headerPart) {
		return nil
	}
	r.headerPart = r.headerPart[:0]
	if r.part, err = decodePart(r.part, part); err != nil {
		return err
	}
	if r.header, err = decodeHeader(&r.members, r.part, r.header); err != nil {
		return err
	}
	r.headerPart = append(r.headerPart, part...)
	return nil
}

// selectKey finds the one key that may verify the token. The token's alg never decides how: it must be the key's.
func selectKey(keys *KeySet, h header, now int64) (*Key, error) {
	if h.critical {
		return nil, ErrCritical
	}
	if !h.hasAlg {
		return nil, ErrMalformed
	}
	key := keys.lookup(h.kid, h.alg, now)
	if key != nil && string(h.alg) == key.alg {
		return key, nil
	}
	if _, known := algorithmOf(string(h.alg)); known && key == nil {
		return nil, ErrUnknownKey
	}
	return nil, ErrAlgorithm
}

// claimsFault looks for every fault of the claims but expiry.
func (v *Verifier) claimsFault(key *Key, t *Token, now int64, refresh bool) error {
	if v.rules.Issuer != "" && t.Issuer != v.rules.Issuer || key.issuer && v.rules.Issuer == "" {
		return ErrIssuer
	}
	if v.rules.Audience != "" && !slices.Contains(t.Audience, v.rules.Audience) {
		return ErrAudience
	}
	if err := v.kindFault(t, refresh); err != nil {
		return err
	}
	if t.Identity == "" {
		return ErrNoIdentity
	}
	if !t.HasExpires {
		return ErrNoExpiry
	}
	if t.NotBefore > now+leeway || t.IssuedAt > now+leeway {
		return ErrNotYet
	}
	if refresh && v.livesTooLong(t, now) {
		return ErrLifetime
	}
	return nil
}

func (v *Verifier) kindFault(t *Token, refresh bool) error {
	switch {
	case !refresh && (!t.HasType || t.Type != 0):
		return ErrNotAccess
	case refresh && (t.Fresh || t.HasType && t.Type != 1 || !t.HasType && v.rules.RequireType):
		return ErrNotRefresh
	}
	return nil
}

func (v *Verifier) livesTooLong(t *Token, now int64) bool {
	from := now
	if t.HasIssuedAt {
		from = t.IssuedAt
	}
	limit := int64(v.rules.MaxLifetime / time.Second)
	return limit > 0 && t.Expires-from > limit
}
