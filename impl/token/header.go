package token

import (
	"bytes"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/strictjson"
)

// header is the part of a token's header that is used (RFC 7515 section 4). Everything else in it
// is checked to be JSON and ignored, above all jwk, jku, x5c and x5u, with which a token would
// choose its own key.
type header struct {
	alg, kid []byte
	hasAlg   bool
	critical bool
	// kind is the token kind that typ names, in lower case and without "+jwt" (RFC 8725 section
	// 3.11). It is empty for JWT and for a header without typ.
	kind string

	part    []byte // the encoded header that was read last
	decoded []byte
}

// read reads an encoded header, unless it is, byte for byte, the one that was read last: a login
// writes the same header into all its tokens.
func (h *header) read(json *strictjson.Reader, raw string, part []byte) (err error) {
	if len(part) > 0 && bytes.Equal(part, h.part) {
		return nil
	}
	*h = header{alg: h.alg[:0], kid: h.kid[:0], part: h.part[:0], decoded: h.decoded[:0]}
	if h.decoded, err = strict.AppendDecode(h.decoded, part); err != nil {
		return misshapen(raw)
	}
	if json.Open(h.decoded) != nil {
		return because(ErrMalformed, "its header is not a JSON object")
	}
	defer json.Close()
	for json.Next() {
		ok, value := true, json.Value
		switch string(json.Name) {
		case "alg":
			h.alg, ok = appendText(h.alg, value)
			h.hasAlg = true
		case "kid":
			h.kid, ok = appendText(h.kid, value)
		case "typ":
			var typ []byte
			typ, ok = appendText(nil, value)
			h.kind = kindOf(string(typ))
		case "crit":
			h.critical = true
		default:
			if strictjson.OtherCase(json.Name, "alg", "kid", "typ", "crit") {
				return because(ErrMalformed, "the names in its header must be in lower case")
			}
		}
		if !ok {
			return because(ErrMalformed, "alg, kid and typ in its header must be strings")
		}
	}
	if json.Err() != nil {
		return because(ErrMalformed, "its header is not strict JSON")
	}
	h.part = append(h.part, part...)
	return nil
}

// kindOf returns the kind that a typ names, as header.kind has it. RFC 7515 section 4.1.9 lets the
// prefix "application/" be left out.
func kindOf(typ string) string {
	typ = strings.TrimPrefix(strings.ToLower(typ), "application/")
	kind, typed := strings.CutSuffix(typ, "+jwt")
	if !typed {
		return ""
	}
	return kind
}

// appendText appends the text of a JSON string to dst. ok is false if the value is no string.
func appendText(dst []byte, value jsontext.Value) (_ []byte, ok bool) {
	if value.Kind() != '"' {
		return dst, false
	}
	text, err := strictjson.Unquote(value)
	return append(dst, text...), err == nil
}

// key returns the one key that may verify the token. The alg of a token never decides how it is
// verified: it must be the key's.
func (h *header) key(keys *jwk.Set, now int64) (*jwk.Key, error) {
	if h.critical {
		return nil, ErrCritical
	}
	if !h.hasAlg {
		return nil, because(ErrMalformed, "its header has no alg")
	}
	key, known := keys.Find(h.kid, h.alg, now)
	switch {
	case key != nil:
		return key, nil
	case !jwk.Supported(string(h.alg)):
		return nil, because(ErrAlgorithm, "the alg in its header is not supported")
	case known:
		return nil, because(ErrAlgorithm, "the alg in its header is not that of the key; "+
			"a plain secret is for HS256")
	}
	unknown := &Rejection{Fault: ErrUnknownKey, KeyID: string(h.kid), Algorithm: string(h.alg)}
	unknown.Cause = "the kid in its header names no key of this server"
	if len(h.kid) == 0 {
		unknown.Cause = "its header has no kid, and no key of this server is for such tokens"
	}
	return nil, unknown
}
