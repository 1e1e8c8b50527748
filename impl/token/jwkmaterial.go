package token

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
	"math/big"
	"strings"
)

// material turns a JWK into a key. It is stricter than RFC 7518 in one way: an RSA private key must come with its primes.
func (j *jwk) material() (any, error) {
	switch j.kty {
	case "oct":
		return decodeMember("k", j.k)
	case "RSA":
		return j.rsa()
	case "EC":
		return j.ec()
	case "OKP":
		return j.okp()
	}
	return nil, fmt.Errorf("kty %q is not supported", j.kty)
}

// decodeMember decodes base64url as strictly as a token's parts: no padding, no line break, no stray bits.
func decodeMember(name, text string) ([]byte, error) {
	data, err := strict.DecodeString(text)
	if err != nil || text == "" || strings.ContainsAny(text, "\r\n") {
		return nil, fmt.Errorf("the member %s is missing or is not base64url without padding", name)
	}
	return data, nil
}

// decodeInt decodes a Base64urlUInt: big-endian without leading zero bytes (RFC 7518 section 2).
func decodeInt(name, text string) (*big.Int, error) {
	data, err := decodeMember(name, text)
	if err != nil {
		return nil, err
	}
	if data[0] == 0 {
		return nil, fmt.Errorf("the member %s begins with a zero byte", name)
	}
	return new(big.Int).SetBytes(data), nil
}

func (j *jwk) rsa() (any, error) {
	n, err := decodeInt("n", j.n)
	if err != nil {
		return nil, err
	}
	e, err := decodeInt("e", j.e)
	if err != nil {
		return nil, err
	}
	if !e.IsInt64() || e.Int64() >= 1<<31 {
		return nil, errors.New("the RSA public exponent is too large")
	}
	public := rsa.PublicKey{N: n, E: int(e.Int64())}
	if j.d == "" {
		return &public, nil
	}
	return j.rsaPrivate(public)
}

func (j *jwk) rsaPrivate(public rsa.PublicKey) (*rsa.PrivateKey, error) {
	given := map[string]string{"d": j.d, "p": j.p, "q": j.q, "dp": j.dp, "dq": j.dq, "qi": j.qi}
	ints := make(map[string]*big.Int, len(given))
	for name, text := range given {
		i, err := decodeInt(name, text)
		if err != nil {
			return nil, err
		}
		ints[name] = i
	}
	key := &rsa.PrivateKey{PublicKey: public, D: ints["d"], Primes: []*big.Int{ints["p"], ints["q"]}}
	if err := key.Validate(); err != nil {
		return nil, errors.New("the RSA private key is not consistent")
	}
	key.Precompute()
	c := key.Precomputed
	if c.Dp.Cmp(ints["dp"]) != 0 || c.Dq.Cmp(ints["dq"]) != 0 || c.Qinv.Cmp(ints["qi"]) != 0 {
		return nil, errors.New("dp, dq or qi does not belong to the RSA key")
	}
	return key, nil
}

func curveOf(crv string) (elliptic.Curve, error) {
	switch crv {
	case "P-256":
		return elliptic.P256(), nil
	case "P-384":
		return elliptic.P384(), nil
	}
	return nil, fmt.Errorf("the curve %q is not supported", crv)
}

// ec reads coordinates of exactly the curve's length (RFC 7518 section 6.2.1.2).
func (j *jwk) ec() (any, error) {
	curve, err := curveOf(j.crv)
	if err != nil {
		return nil, err
	}
	size := curve.Params().BitSize / 8
	x, errX := decodeMember("x", j.x)
	y, errY := decodeMember("y", j.y)
	if err := errors.Join(errX, errY); err != nil {
		return nil, err
	}
	if len(x) != size || len(y) != size {
		return nil, fmt.Errorf("x and y must have %d bytes", size)
	}
	public, err := ecdsa.ParseUncompressedPublicKey(curve, append(append([]byte{4}, x...), y...))
	if err != nil {
		return nil, errors.New("the EC point is not on its curve")
	}
	if j.d == "" {
		return public, nil
	}
	return j.ecPrivate(public)
}

func (j *jwk) ecPrivate(public *ecdsa.PublicKey) (*ecdsa.PrivateKey, error) {
	d, err := decodeMember("d", j.d)
	if err != nil {
		return nil, err
	}
	private, err := ecdsa.ParseRawPrivateKey(public.Curve, d)
	if err != nil {
		return nil, errors.New("d is not a private key of the curve")
	}
	if !private.PublicKey.Equal(public) {
		return nil, errors.New("d does not belong to x and y")
	}
	return private, nil
}

// okp reads an Ed25519 key. The public half is always computed from d and compared: signing with a foreign one gives the
// private key away.
func (j *jwk) okp() (any, error) {
	if j.crv != "Ed25519" {
		return nil, fmt.Errorf("the curve %q is not supported", j.crv)
	}
	x, err := decodeMember("x", j.x)
	if err != nil {
		return nil, err
	}
	public := ed25519.PublicKey(x)
	if j.d == "" {
		return public, nil
	}
	d, err := decodeMember("d", j.d)
	if err != nil {
		return nil, err
	}
	if len(d) != ed25519.SeedSize {
		return nil, errors.New("d must have 32 bytes")
	}
	private := ed25519.NewKeyFromSeed(d)
	if !public.Equal(private.Public()) {
		return nil, errors.New("d does not belong to x")
	}
	return private, nil
}
