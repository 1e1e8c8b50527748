package token

import (
	"crypto/sha512"
	"encoding/base64"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"kalsel.dev/refresh/impl/flatjson"
)

// stamp is what differs between the tokens minted from one set of claims.
type stamp struct {
	exp, iat   int64
	jti        []byte
	kind       int64
	session    string
	generation int64
}

// appendClaims writes the claims in a fixed order, the custom ones last and in theirs, so that a token minted from a minted
// token has the same form.
func (m *Minter) appendClaims(dst []byte, c *Claims, s stamp) (_ []byte, err error) {
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
	return m.appendCarried(dst, c)
}

// appendCarried writes the claims that are carried over.
func (m *Minter) appendCarried(dst []byte, c *Claims) (_ []byte, err error) {
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

// appendOr writes the configured value or, without one, the one carried over as it was written.
func appendOr(dst []byte, name, configured, carried string) ([]byte, error) {
	if configured != "" {
		return appendText(dst, name, configured)
	}
	if carried == "" {
		return dst, nil
	}
	return append(append(dst, name...), carried...), nil
}

func appendText[T string | []byte](dst []byte, name string, text T) ([]byte, error) {
	dst = append(dst, name...)
	for i := range len(text) {
		if !flatjson.Plain(text[i]) {
			return jsontext.AppendQuote(dst, text)
		}
	}
	return append(append(append(dst, '"'), text...), '"'), nil
}

// appendToken signs the claims and appends the whole token to dst, which must be empty.
func (k *Key) appendToken(dst, claims []byte) ([]byte, error) {
	dst = base64.RawURLEncoding.AppendEncode(append(dst, k.header...), claims)
	var room [sha512.Size]byte // enough for HMAC; other methods allocate theirs anyway
	signature, err := k.appendSignature(room[:0], dst)
	if err != nil {
		return dst, err
	}
	return base64.RawURLEncoding.AppendEncode(append(dst, '.'), signature), nil
}
