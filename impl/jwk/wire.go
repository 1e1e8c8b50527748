package jwk

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"kalsel.dev/refresh/impl/strictjson"
)

// wire is one key as a JWK has it (RFC 7517 section 4, RFC 7518 section 6, RFC 8037 section 2). nbf
// and exp are members of our own: when the key may start to sign, and when it stops altogether.
type wire struct {
	Type      string  `json:"kty"`
	Use       string  `json:"use,omitzero"`
	Algorithm string  `json:"alg,omitzero"`
	ID        *string `json:"kid,omitzero"`
	Curve     string  `json:"crv,omitzero"`

	Secret   octets `json:"k,omitzero"`
	X        octets `json:"x,omitzero"`
	Y        octets `json:"y,omitzero"`
	Modulus  octets `json:"n,omitzero"`
	Exponent octets `json:"e,omitzero"`
	Private  octets `json:"d,omitzero"`
	P        octets `json:"p,omitzero"`
	Q        octets `json:"q,omitzero"`
	DP       octets `json:"dp,omitzero"`
	DQ       octets `json:"dq,omitzero"`
	QI       octets `json:"qi,omitzero"`

	OtherPrimes jsontext.Value `json:"oth,omitzero"`
	Operations  []string       `json:"key_ops,omitzero"`
	NotBefore   date           `json:"nbf,omitzero"`
	Expires     date           `json:"exp,omitzero"`

	Unknown map[string]jsontext.Value `json:",embed"`
}

// octets is base64url, as strict as in the parts of a token: no padding, no line break, no stray
// bits.
type octets []byte

// MarshalText returns the octets in base64url without padding.
func (o octets) MarshalText() ([]byte, error) {
	return base64.RawURLEncoding.AppendEncode(nil, o), nil
}

// UnmarshalText reads base64url without padding. It fails if there is none.
func (o *octets) UnmarshalText(text []byte) (err error) {
	if len(text) == 0 || slices.Contains(text, '\r') || slices.Contains(text, '\n') {
		return errors.New("is empty or has a line break")
	}
	*o, err = base64.RawURLEncoding.Strict().AppendDecode(nil, text)
	return err
}

// date is a NumericDate in Unix seconds.
type date int64

// UnmarshalJSON reads a NumericDate. It fails if the value is none.
func (d *date) UnmarshalJSON(value []byte) error {
	seconds, ok := strictjson.Date(value)
	if !ok {
		return errors.New("is not a time in Unix seconds")
	}
	*d = date(seconds)
	return nil
}

// refuseNull fails if the next value is null, which the library would take for an absent member.
func refuseNull[T any](d *jsontext.Decoder, _ *T) error {
	if d.PeekKind() == 'n' {
		return errors.New("is null")
	}
	return errors.ErrUnsupported // the library reads the value
}

// parseWire reads one key of a set. An error names the member, and never repeats a value.
func parseWire(data jsontext.Value) (*wire, error) {
	if data.Kind() != '{' {
		return nil, strictjson.ErrNotObject
	}
	w := new(wire)
	err := json.Unmarshal(data, w, json.WithUnmarshalers(json.JoinUnmarshalers(
		json.UnmarshalFromFunc(refuseNull[string]),
		json.UnmarshalFromFunc(refuseNull[octets]),
		json.UnmarshalFromFunc(refuseNull[[]string]),
	)))
	if wrong, ok := errors.AsType[*json.SemanticError](err); ok {
		name, _, _ := strings.Cut(strings.TrimPrefix(string(wrong.JSONPointer), "/"), "/")
		return nil, fmt.Errorf("the member %s has the wrong type or form", name)
	}
	if err != nil {
		return nil, errors.New("it is not strict JSON: a member may appear twice")
	}
	// With a misspelt Exp ignored, the key would never expire.
	var known []string
	for field := range reflect.TypeFor[wire]().Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		known = append(known, name)
	}
	for name := range w.Unknown {
		if strictjson.OtherCase([]byte(name), known...) {
			return nil, fmt.Errorf("the member %s must be written in lower case", name)
		}
	}
	return w, nil
}

// MarshalPublic writes the public halves of our keys as a JWK Set, for the verifiers of the minted
// tokens. It leaves out secrets, the issuer's keys, and keys that have expired.
func (s *Set) MarshalPublic(now time.Time) ([]byte, error) {
	return s.marshal(false, func(k *Key) bool { return !k.Symmetric() && !k.expired(now.Unix()) })
}

// MarshalPrivate writes our keys with their secrets and private halves, in the form that ParseSet
// reads. It leaves out the issuer's keys.
func (s *Set) MarshalPrivate() ([]byte, error) {
	return s.marshal(true, func(*Key) bool { return true })
}

// marshal writes the wanted ones of our keys, each on a line of its own.
func (s *Set) marshal(private bool, wanted func(*Key) bool) ([]byte, error) {
	dst, separator := []byte(`{"keys":[`), "\n"
	for _, k := range s.keys {
		if k.issuer || !wanted(k) {
			continue
		}
		line, err := json.Marshal(k.wire(private))
		if err != nil {
			return nil, err
		}
		dst, separator = append(append(dst, separator...), line...), ",\n"
	}
	return append(dst, "\n]}\n"...), nil
}

// wire returns the key as a JWK has it, with its private half or secret only if private is set.
func (k *Key) wire(private bool) *wire {
	w := &wire{Use: "sig", Algorithm: k.alg, NotBefore: date(k.notBefore), Expires: date(k.expires)}
	if k.id != "" || private {
		w.ID = &k.id
	}
	switch m := k.verifying.(type) {
	case []byte:
		w.Type, w.Secret = "oct", m
		if !k.CanSign() {
			w.Operations = []string{"verify"}
		}
	case *rsa.PublicKey:
		w.Type, w.Modulus, w.Exponent = "RSA", m.N.Bytes(), big.NewInt(int64(m.E)).Bytes()
	case *ecdsa.PublicKey:
		point, _ := m.Bytes() // NewKey has checked that the point is on the curve
		size := len(point) / 2
		w.Type, w.Curve, w.X, w.Y = "EC", m.Params().Name, point[1:1+size], point[1+size:]
	case ed25519.PublicKey:
		w.Type, w.Curve, w.X = "OKP", "Ed25519", octets(m)
	}
	if !private {
		return w
	}
	switch m := k.signing.(type) {
	case *rsa.PrivateKey:
		m.Precompute()
		w.Private, w.P, w.Q = m.D.Bytes(), m.Primes[0].Bytes(), m.Primes[1].Bytes()
		c := m.Precomputed
		w.DP, w.DQ, w.QI = c.Dp.Bytes(), c.Dq.Bytes(), c.Qinv.Bytes()
	case *ecdsa.PrivateKey:
		w.Private, _ = m.Bytes() // NewKey has checked the range
	case ed25519.PrivateKey:
		w.Private = m.Seed()
	}
	return w
}
