package token

import (
	"encoding/base64"
	"strings"
	"sync"
	"time"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/strictjson"
)

// MaxLength is the length of the longest token that is read, in bytes. A request body is no longer.
const MaxLength = 16 * 1024

// iat and nbf may be ahead by leeway seconds, because clocks differ; exp has no leeway. Up to
// tooEarly seconds the caller may try again, because only time is missing.
const (
	leeway   = 60
	tooEarly = 15 * 60
)

// Rules are the checks of a token beyond its signature. The zero value is usable.
type Rules struct {
	// Issuer and Audience, if set, must match iss and be in aud. Minted tokens carry them.
	Issuer   string
	Audience string
	// Profile is the form of the tokens. Nil is the profile kalsel.
	Profile *Profile
	// RequireType refuses refresh tokens without a type.
	RequireType bool
	// TokenLifetime, if set, is how long the refresh tokens of the login live: a token without iat
	// was issued that long before its exp.
	TokenLifetime time.Duration
	// MaxLifetime, if set, limits exp - iat of refresh tokens, and exp - now if there is no iat.
	MaxLifetime time.Duration
}

// LoginProfile returns the profile of the rules, which is kalsel if they name none.
func (r *Rules) LoginProfile() *Profile {
	if r.Profile == nil {
		return defaultProfile()
	}
	return r.Profile
}

// NeedsType reports whether a refresh token without the claim for its type is rejected: because of
// RequireType, or because the login always sets it.
func (r *Rules) NeedsType() bool { return r.RequireType || r.LoginProfile().required }

// Token is a token that was verified.
type Token struct {
	Claims
	// KeyID is the ID of the key that verified the token. The kid of the token may have been
	// ignored.
	KeyID string
	// IssuerKey is the thumbprint (RFC 7638) of that key if it is a trusted issuer's. It is empty
	// if the key is ours.
	IssuerKey string
	// Own is true for a refresh token that this service has minted: sid, gen and jti belong
	// together. The key is not asked, because keys roll over and lose their private halves.
	Own bool
	// SigningInput is header.payload, which the signature covers. The signature itself may have
	// several valid forms.
	SigningInput string

	lifetime int64 // Rules.TokenLifetime in seconds
}

// Issued returns when the token was issued, in Unix seconds: its iat or, without one, its exp less
// Rules.TokenLifetime. known is false if the token has no iat and the rule is not set.
func (t *Token) Issued() (at int64, known bool) {
	if t.HasIssuedAt || t.lifetime == 0 {
		return t.IssuedAt, t.HasIssuedAt
	}
	return t.Expires - t.lifetime, true
}

// Verifier checks tokens. It is safe for concurrent use.
type Verifier struct {
	keys  jwk.Source
	rules Rules
	pool  sync.Pool
}

// NewVerifier returns a Verifier that asks keys anew for each token.
func NewVerifier(keys jwk.Source, rules Rules) *Verifier {
	// Without this pool BenchmarkVerifyAndMint counts 25 allocations instead of 5, and takes half
	// as long again.
	newReading := func() any { return new(reading) }
	rules.Profile = rules.LoginProfile()
	return &Verifier{keys: keys, rules: rules, pool: sync.Pool{New: newReading}}
}

// reading is the memory that reading one token takes.
type reading struct {
	json                    strictjson.Reader
	raw, payload, signature []byte
	custom                  []byte
	header                  header
}

// Refresh verifies a refresh token at the time now. It returns a Fault if the token is rejected.
// With ErrExpired it returns the token too: the token is genuine, and expiry is its only fault.
func (v *Verifier) Refresh(raw string, now time.Time) (*Token, error) {
	return v.verify(raw, now.Unix(), v.keys.Keys(), asRefresh)
}

// Access verifies an access token, as Refresh does a refresh token.
func (v *Verifier) Access(raw string, now time.Time) (*Token, error) {
	keys := v.keys.Keys()
	if access := keys.Access(); access != keys {
		return v.verify(raw, now.Unix(), access, asAccessApart)
	}
	return v.verify(raw, now.Unix(), keys, asAccess)
}

// strict refuses trailing bits that are not zero, and the raw alphabet refuses padding, so that
// each part of a token can be written in one way only.
//
//nolint:gochecknoglobals // never changes; Strict makes a copy, which is not needed for each part
var strict = base64.RawURLEncoding.Strict()

// verify looks for the faults of a token in a fixed order: shape, header, key, signature, claims,
// time. Only after the signature held is told which claim is wrong.
func (v *Verifier) verify(raw string, now int64, keys *jwk.Set, as use) (*Token, error) {
	r := v.pool.Get().(*reading)
	defer v.pool.Put(r)

	// RFC 7515 section 7.1: three parts. A further dot is not base64url. Go's decoder skips CR and
	// LF.
	first, last := strings.IndexByte(raw, '.'), strings.LastIndexByte(raw, '.')
	if first == last || len(raw) > MaxLength ||
		strings.IndexByte(raw, '\r') >= 0 || strings.IndexByte(raw, '\n') >= 0 {
		return nil, misshapen(raw)
	}
	r.raw = append(r.raw[:0], raw...)
	err := r.header.read(&r.json, raw, r.raw[:first])
	if err != nil {
		return nil, err
	}
	if r.payload, err = strict.AppendDecode(r.payload[:0], r.raw[first+1:last]); err != nil {
		return nil, misshapen(raw)
	}
	if r.signature, err = strict.AppendDecode(r.signature[:0], r.raw[last+1:]); err != nil {
		return nil, misshapen(raw)
	}
	key, err := r.header.key(keys, now)
	if err != nil {
		return nil, err
	}
	if !key.Verify(r.raw[:last], r.signature) {
		return nil, because(ErrSignature, "it was changed or cut off, or another key signed it")
	}

	t := &Token{
		KeyID:        key.ID(),
		SigningInput: raw[:last],
		lifetime:     int64(v.rules.TokenLifetime / time.Second),
	}
	if r.custom, err = t.read(v.rules.Profile, &r.json, r.payload, r.custom); err != nil {
		return nil, err
	}
	if as != asRefresh && t.timedFresh {
		t.Fresh = now <= t.freshUntil
	}
	t.Own = t.ID != "" && t.ID == SuccessorID(t.Session, t.Generation)
	if key.Issuer() {
		t.IssuerKey = key.Thumbprint()
	}
	if err := v.rules.fault(&r.header, key.Issuer(), t, now, as); err != nil {
		return nil, withToken(err, t)
	}
	return t, t.timeFault(now)
}
