package jwk

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
	"math/big"
)

// material returns the key that the JWK describes, for NewKey, which checks it. It fails if a
// member is missing or has the wrong length. It is stricter than RFC 7518 in one point: an RSA
// private key must have its primes.
func (w *wire) material() (any, error) {
	switch w.Type {
	case "oct":
		if w.Secret == nil {
			return nil, errors.New("the member k is missing")
		}
		return []byte(w.Secret), nil
	case "RSA":
		return w.rsa()
	case "EC":
		return w.ec()
	case "OKP":
		return w.okp()
	}
	return nil, fmt.Errorf("kty %q is not supported", w.Type)
}

// bigInt reads a Base64urlUInt: big-endian, without leading zero bytes (RFC 7518 section 2).
func bigInt(name string, o octets) (*big.Int, error) {
	if len(o) == 0 {
		return nil, fmt.Errorf("the member %s is missing", name)
	}
	if o[0] == 0 {
		return nil, fmt.Errorf("the member %s starts with a zero byte", name)
	}
	return new(big.Int).SetBytes(o), nil
}

func (w *wire) rsa() (any, error) {
	if w.OtherPrimes != nil {
		return nil, errors.New("RSA keys of more than two primes are not supported")
	}
	n, errN := bigInt("n", w.Modulus)
	e, errE := bigInt("e", w.Exponent)
	if err := errors.Join(errN, errE); err != nil {
		return nil, err
	}
	if !e.IsInt64() || e.Int64() >= 1<<31 {
		return nil, errors.New("the RSA public exponent is too large")
	}
	public := rsa.PublicKey{N: n, E: int(e.Int64())}
	if w.Private == nil {
		return &public, nil
	}
	d, errD := bigInt("d", w.Private)
	p, errP := bigInt("p", w.P)
	q, errQ := bigInt("q", w.Q)
	dp, errDP := bigInt("dp", w.DP)
	dq, errDQ := bigInt("dq", w.DQ)
	qi, errQI := bigInt("qi", w.QI)
	if err := errors.Join(errD, errP, errQ, errDP, errDQ, errQI); err != nil {
		return nil, err
	}
	key := &rsa.PrivateKey{PublicKey: public, D: d, Primes: []*big.Int{p, q}}
	if err := key.Validate(); err != nil {
		return nil, errors.New("the RSA private key is not consistent")
	}
	// Go computes these three itself, so that NewKey cannot compare them.
	key.Precompute()
	if c := key.Precomputed; c.Dp.Cmp(dp) != 0 || c.Dq.Cmp(dq) != 0 || c.Qinv.Cmp(qi) != 0 {
		return nil, errors.New("dp, dq or qi does not belong to the RSA key")
	}
	return key, nil
}

// ec reads coordinates of exactly the curve's length (RFC 7518 section 6.2.1.2).
func (w *wire) ec() (any, error) {
	var curve elliptic.Curve
	switch w.Curve {
	case "P-256":
		curve = elliptic.P256()
	case "P-384":
		curve = elliptic.P384()
	default:
		return nil, fmt.Errorf("the curve %q is not supported", w.Curve)
	}
	if size := curve.Params().BitSize / 8; len(w.X) != size || len(w.Y) != size {
		return nil, fmt.Errorf("x and y must have %d bytes", size)
	}
	point := append(append([]byte{4}, w.X...), w.Y...)
	public, err := ecdsa.ParseUncompressedPublicKey(curve, point)
	if err != nil {
		return nil, errors.New("the EC point is not on its curve")
	}
	if w.Private == nil {
		return public, nil
	}
	private, err := ecdsa.ParseRawPrivateKey(curve, w.Private)
	if err != nil {
		return nil, errors.New("d is not a private key of the curve")
	}
	private.PublicKey = *public // NewKey compares it with the half that belongs to d
	return private, nil
}

func (w *wire) okp() (any, error) {
	if w.Curve != "Ed25519" {
		return nil, fmt.Errorf("the curve %q is not supported", w.Curve)
	}
	if len(w.X) != ed25519.PublicKeySize {
		return nil, errors.New("x must have 32 bytes")
	}
	if w.Private == nil {
		return ed25519.PublicKey(w.X), nil
	}
	if len(w.Private) != ed25519.SeedSize {
		return nil, errors.New("d must have 32 bytes")
	}
	return ed25519.PrivateKey(append(append([]byte{}, w.Private...), w.X...)), nil
}
