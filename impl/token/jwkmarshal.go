package token

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"math/big"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// MarshalPublic writes the public halves as a JWK Set, for those who verify the minted tokens. Left out are secrets, an
// issuer's keys, and keys that have expired.
func (s *KeySet) MarshalPublic(now time.Time) ([]byte, error) {
	return marshalKeys(s.keys, func(k *Key) bool { return !k.Symmetric() && !k.issuer && !k.expired(now.Unix()) }, false)
}

// MarshalPrivate writes the set with its secrets and private halves, in the form that ParseKeySet reads; an issuer's keys are
// left out.
func (s *KeySet) MarshalPrivate() ([]byte, error) {
	return marshalKeys(s.keys, func(k *Key) bool { return !k.issuer }, true)
}

func marshalKeys(keys []*Key, wanted func(*Key) bool, private bool) ([]byte, error) {
	dst, separator := []byte(`{"keys":[`), "\n"
	for _, k := range keys {
		if !wanted(k) {
			continue
		}
		var err error
		if dst, err = k.appendJWK(append(dst, separator...), private); err != nil {
			return nil, err
		}
		separator = ",\n"
	}
	return append(dst, "\n]}\n"...), nil
}

// part is one member of a JWK that is a string.
type part struct{ name, text string }

func (k *Key) appendJWK(dst []byte, private bool) ([]byte, error) {
	material := k.verifying
	if private && k.signing != nil {
		material = k.signing
	}
	parts, err := materialParts(material)
	if err != nil {
		return dst, err
	}
	head := []part{{"kty", parts[0].text}, {"use", "sig"}, {"alg", k.alg}}
	if k.id != "" || private {
		head = append(head, part{"kid", k.id})
	}
	separator := "{"
	for _, p := range append(head, parts[1:]...) {
		dst = append(append(dst, separator...), `"`+p.name+`":`...)
		if dst, err = jsontext.AppendQuote(dst, p.text); err != nil {
			return dst, err
		}
		separator = ","
	}
	if k.signing == nil && k.Symmetric() {
		dst = append(dst, `,"key_ops":["verify"]`...)
	}
	return append(k.appendTimes(dst), '}'), nil
}

func (k *Key) appendTimes(dst []byte) []byte {
	if k.notBefore != 0 {
		dst = strconv.AppendInt(append(dst, `,"nbf":`...), k.notBefore, 10)
	}
	if k.expires != 0 {
		dst = strconv.AppendInt(append(dst, `,"exp":`...), k.expires, 10)
	}
	return dst
}

// materialParts are the members of a JWK that depend on its type, kty first.
func materialParts(material any) ([]part, error) {
	encode := base64.RawURLEncoding.EncodeToString
	switch m := material.(type) {
	case []byte:
		return []part{{"kty", "oct"}, {"k", encode(m)}}, nil
	case *rsa.PublicKey:
		return []part{{"kty", "RSA"}, {"n", encode(m.N.Bytes())}, {"e", encode(big.NewInt(int64(m.E)).Bytes())}}, nil
	case *rsa.PrivateKey:
		return rsaParts(m)
	case *ecdsa.PublicKey:
		point, err := m.Bytes()
		size := len(point) / 2
		if err != nil {
			return nil, err
		}
		return []part{{"kty", "EC"}, {"crv", m.Params().Name}, {"x", encode(point[1 : 1+size])}, {"y", encode(point[1+size:])}}, nil
	case *ecdsa.PrivateKey:
		d, err := m.Bytes()
		if err != nil {
			return nil, err
		}
		parts, err := materialParts(&m.PublicKey)
		return append(parts, part{"d", encode(d)}), err
	case ed25519.PublicKey:
		return []part{{"kty", "OKP"}, {"crv", "Ed25519"}, {"x", encode(m)}}, nil
	case ed25519.PrivateKey:
		parts, err := materialParts(m.Public())
		return append(parts, part{"d", encode(m.Seed())}), err
	}
	return nil, fmt.Errorf("key material of type %T is not supported", material)
}

func rsaParts(m *rsa.PrivateKey) ([]part, error) {
	parts, err := materialParts(&m.PublicKey)
	if err != nil {
		return nil, err
	}
	if len(m.Primes) != 2 {
		return nil, fmt.Errorf("RSA keys of %d primes are not supported", len(m.Primes))
	}
	m.Precompute()
	encode := base64.RawURLEncoding.EncodeToString
	return append(parts, part{"d", encode(m.D.Bytes())}, part{"p", encode(m.Primes[0].Bytes())}, part{"q", encode(m.Primes[1].Bytes())},
		part{"dp", encode(m.Precomputed.Dp.Bytes())}, part{"dq", encode(m.Precomputed.Dq.Bytes())},
		part{"qi", encode(m.Precomputed.Qinv.Bytes())}), nil
}
