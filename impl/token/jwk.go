package token

import (
	"errors"
	"fmt"
)

// jwk is one key of a JWK Set as written (RFC 7517 section 4, RFC 7518 section 6, RFC 8037 section 2).
type jwk struct {
	kty, use, alg, kid, crv              string
	n, e, d, p, q, dp, dq, qi, x, y, k   string
	operations                           []string
	hasKid, hasOperations, hasMorePrimes bool
	nbf, exp                             int64
}

// jwkNames are the members that mean something here. One of them in another case is refused: with Exp ignored, a key would live
// for ever.
func jwkNames() []string {
	return []string{
		"kty", "use", "alg", "kid", "crv", "x", "y", "k", "n", "e", "d", "p", "q", "dp", "dq", "qi", "oth", "nbf", "exp", "key_ops",
	}
}

func parseJWK(data []byte) (*jwk, error) {
	var m members
	j := new(jwk)
	if err := m.open(data); err != nil {
		return nil, errors.New("it is not a JSON object")
	}
	for {
		name, more, err := m.next()
		if err != nil {
			return nil, errors.New("it is not strict JSON")
		}
		if !more {
			return j, nil
		}
		known := string(name)
		if err := j.member(&m, known); err != nil {
			return nil, fmt.Errorf("the member %s has the wrong type or form", known)
		}
	}
}

func (j *jwk) member(m *members, name string) error {
	if field := j.text(name); field != nil {
		j.hasKid = j.hasKid || name == "kid"
		s, err := m.string()
		*field = string(s)
		return err
	}
	var err error
	switch name {
	case "nbf":
		j.nbf, err = m.date()
	case "exp":
		j.exp, err = m.date()
	case "key_ops":
		j.hasOperations = true
		j.operations, err = m.strings()
	case "oth":
		j.hasMorePrimes = true
		_, err = m.value()
	default:
		if folds([]byte(name), jwkNames()...) {
			return ErrMalformed
		}
		_, err = m.value()
	}
	return err
}

// text is where a member that is a string goes.
func (j *jwk) text(name string) *string {
	switch name {
	case "kty":
		return &j.kty
	case "use":
		return &j.use
	case "alg":
		return &j.alg
	case "kid":
		return &j.kid
	case "crv":
		return &j.crv
	case "x":
		return &j.x
	case "y":
		return &j.y
	}
	return j.number(name)
}

// number is where a member goes that is a number or a secret, written in base64url.
func (j *jwk) number(name string) *string {
	switch name {
	case "k":
		return &j.k
	case "n":
		return &j.n
	case "e":
		return &j.e
	case "d":
		return &j.d
	case "p":
		return &j.p
	case "q":
		return &j.q
	case "dp":
		return &j.dp
	case "dq":
		return &j.dq
	case "qi":
		return &j.qi
	}
	return nil
}
