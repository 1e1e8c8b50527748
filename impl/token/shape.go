package token

import (
	"encoding/base64"
	"strings"
)

// MaxLength is the longest token that is looked at, in bytes: a request body has no room for more.
const MaxLength = 16 * 1024

// shape is where a token's two dots are (RFC 7515 section 7.1).
type shape struct {
	first, last int
}

// shapeOf finds the three parts; a dot more is no base64url. CR and LF are looked for here, because Go's decoder skips them.
func shapeOf(raw string) (shape, error) {
	if len(raw) > MaxLength || strings.IndexByte(raw, '\r') >= 0 || strings.IndexByte(raw, '\n') >= 0 {
		return shape{}, ErrMalformed
	}
	s := shape{first: strings.IndexByte(raw, '.'), last: strings.LastIndexByte(raw, '.')}
	if s.first == s.last {
		return shape{}, ErrMalformed
	}
	return s, nil
}

//nolint:gochecknoglobals // never changes; Strict makes a copy, which need not be made for each part
var strict = base64.RawURLEncoding.Strict()

// decodePart decodes one part into dst[:0]. Strict refuses trailing bits that are not zero and the raw alphabet refuses
// padding, so that each token can be written in one way only.
func decodePart(dst, part []byte) ([]byte, error) {
	dst, err := strict.AppendDecode(dst[:0], part)
	if err != nil {
		return dst, ErrMalformed
	}
	return dst, nil
}
