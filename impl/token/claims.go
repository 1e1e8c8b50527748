package token

import (
	"strconv"
	"strings"
)

// Claims is what a token says. Times are Unix seconds, fractions floored.
type Claims struct {
	// Payload is the claims as JSON, as the token has them.
	Payload string

	Identity string // whose token it is
	Issuer   string
	Audience []string
	ID       string // jti; may be empty
	Session  string // sid, when it is a string
	// Generation is gen when that is an integer of at least 1, else 0.
	Generation int64

	Expires      int64
	HasExpires   bool
	IssuedAt     int64
	HasIssuedAt  bool
	NotBefore    int64
	HasNotBefore bool

	// Type is 0 for an access token and 1 for a refresh token: the convention of the kalsel.dev API.
	Type    int64
	HasType bool
	// Admin and Fresh are true only when is_admin and fresh are exactly true.
	Admin bool
	Fresh bool

	hasAdmin bool
	// issuer and audience are the values as written, for carrying them over; empty when absent.
	issuer, audience string
	// custom are the other members, `,"name":value` each, in the token's order and as written.
	custom string
}

// maxDate is 2^53, up to which every integer is exactly a float64.
const maxDate = 1 << 53

// claimNames are the claims that have a meaning here. A member that is one of them but for its case is refused: which of
// the two another reader takes is a matter of its library.
func claimNames() []string {
	return []string{"identity", "exp", "iat", "nbf", "jti", "iss", "aud", "type", "fresh", "is_admin", "sid", "gen"}
}

// decodeClaims reads the claims in one pass. The custom members are collected in custom, whose room is returned for reuse.
func decodeClaims(m *members, data, custom []byte, c *Claims) ([]byte, error) {
	c.Payload, custom = string(data), custom[:0]
	if err := m.open(data); err != nil {
		return custom, err
	}
	for {
		name, more, err := m.next()
		if err == nil && more {
			custom, err = c.member(m, name, custom)
		}
		if err != nil {
			return custom, err
		}
		if !more {
			c.custom = c.share(custom)
			return custom, nil
		}
	}
}

// share returns custom as a string, in the room of the payload where that ends with it, as tokens minted here do.
func (c *Claims) share(custom []byte) string {
	if end := len(c.Payload) - 1; end >= len(custom) && c.Payload[end-len(custom):end] == string(custom) {
		return c.Payload[end-len(custom) : end]
	}
	return string(custom)
}

func (c *Claims) member(m *members, name, custom []byte) (_ []byte, err error) {
	switch string(name) {
	case "identity":
		c.Identity, _, err = m.text(c.Payload)
	case "iss":
		c.Issuer, c.issuer, err = m.text(c.Payload)
	case "jti":
		c.ID, _, err = m.text(c.Payload)
	case "aud":
		err = c.setAudience(m)
	case "exp":
		c.HasExpires = true
		c.Expires, err = m.date()
	case "iat":
		c.HasIssuedAt = true
		c.IssuedAt, err = m.date()
	case "nbf":
		c.HasNotBefore = true
		c.NotBefore, err = m.date()
	case "type":
		c.HasType = true
		c.Type, err = m.integer()
	case "is_admin":
		c.hasAdmin = true
		c.Admin, err = m.bool()
	case "fresh":
		c.Fresh, err = m.bool()
	case "sid":
		c.Session, err = m.textIfAny()
	case "gen":
		c.Generation, err = m.generation()
	default:
		return c.customMember(m, name, custom)
	}
	return custom, err
}

func (c *Claims) customMember(m *members, name, custom []byte) ([]byte, error) {
	if !lower(name) && folds(name, claimNames()...) {
		return custom, ErrMalformed
	}
	custom = append(append(append(custom, ','), m.quoted...), ':')
	v, err := m.value()
	return append(custom, v...), err
}

// setAudience takes a string or an array of strings (RFC 7519 section 4.1.3).
func (c *Claims) setAudience(m *members) error {
	v, err := m.value()
	if err != nil {
		return err
	}
	c.audience = string(v)
	c.Audience, err = stringsOf(v)
	return err
}

// date reads a NumericDate (RFC 7519 section 2): a number, never negative, at most 2^53, its fraction floored. Like golang-jwt it
// takes exponents (1e9 is 1000000000) and reads what is not a plain integer as a float64.
func (m *members) date() (int64, error) {
	v, err := m.value()
	if err != nil || v.Kind() != '0' || v[0] == '-' {
		return 0, ErrMalformed
	}
	if n, err := strconv.ParseInt(string(v), 10, 64); err == nil && n <= maxDate {
		return n, nil
	}
	f, err := strconv.ParseFloat(string(v), 64)
	if err != nil || f >= maxDate {
		return 0, ErrMalformed
	}
	return int64(f), nil
}

// integer reads a whole number written as one: not 1.0, not 1e0, not "1".
func (m *members) integer() (int64, error) {
	v, err := m.value()
	if err != nil || v.Kind() != '0' || string(v) == "-0" {
		return 0, ErrMalformed
	}
	n, err := strconv.ParseInt(string(v), 10, 64)
	if err != nil {
		return 0, ErrMalformed
	}
	return n, nil
}

// generation is lenient: gen and sid mean something only in tokens of ours, and others may use the names as they like.
func (m *members) generation() (int64, error) {
	v, err := m.value()
	if err != nil {
		return 0, err
	}
	if n, err := strconv.ParseInt(string(v), 10, 64); err == nil && n >= 1 {
		return n, nil
	}
	return 0, nil
}

func (m *members) textIfAny() (string, error) {
	v, err := m.value()
	if err != nil || v.Kind() != '"' {
		return "", err
	}
	s, err := unquote(nil, v)
	return string(s), err
}

// text reads a value that must be a string, and returns it also as it is written. Both share the room of whole, the object
// that is being read, as a string.
func (m *members) text(whole string) (value, raw string, err error) {
	v, err := m.value()
	if err != nil || v.Kind() != '"' {
		return "", "", ErrMalformed
	}
	raw = whole[m.end-len(v) : m.end]
	if strings.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1], raw, nil
	}
	s, err := unquote(nil, v)
	return string(s), raw, err
}
