package token

import (
	"encoding/base64"

	"github.com/go-json-experiment/json/jsontext"
)

// header is what is used of a token's header. Everything else in it is checked to be JSON and ignored: jwk, jku, x5c and
// x5u, by which a token would choose its own key, above all.
type header struct {
	alg, kid []byte
	hasAlg   bool
	critical bool
}

// decodeHeader reads a header (RFC 7515 section 4).
func decodeHeader(m *members, data []byte, h header) (header, error) {
	h = header{alg: h.alg[:0], kid: h.kid[:0]}
	if err := m.open(data); err != nil {
		return h, err
	}
	for {
		name, more, err := m.next()
		if err == nil && more {
			err = h.member(m, name)
		}
		if err != nil || !more {
			return h, err
		}
	}
}

func (h *header) member(m *members, name []byte) (err error) {
	var s []byte
	switch string(name) {
	case "alg":
		s, err = m.string()
		h.alg, h.hasAlg = append(h.alg, s...), true
	case "kid":
		s, err = m.string()
		h.kid = append(h.kid, s...)
	case "typ":
		_, err = m.string()
	case "crit":
		h.critical = true
		_, err = m.value()
	default:
		if folds(name, "alg", "kid", "typ", "crit") {
			return ErrMalformed
		}
		_, err = m.value()
	}
	return err
}

// encodeHeader returns the encoded header of minted tokens, with the dot that follows it.
func encodeHeader(alg, kid string) (string, error) {
	data := []byte(`{"alg":"` + alg + `","typ":"JWT"`)
	if kid != "" {
		var err error
		if data, err = jsontext.AppendQuote(append(data, `,"kid":`...), kid); err != nil {
			return "", err
		}
	}
	return base64.RawURLEncoding.EncodeToString(append(data, '}')) + ".", nil
}
