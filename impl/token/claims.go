package token

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"kalsel.dev/refresh/impl/strictjson"
)

// The values of the claim type: the convention of the kalsel.dev API.
const (
	typeAccess  = 0
	typeRefresh = 1
)

// Claims is the content of a token. Times are Unix seconds, fractions floored.
type Claims struct {
	// Payload is the claims as JSON, as the token has them.
	Payload string

	Identity string // the user that the token belongs to; never contains NUL
	Issuer   string
	Audience []string
	ID       string // jti; may be empty
	Session  string // sid, if it is a string
	// Generation is gen if that is a whole number of at least 1, else 0.
	Generation int64

	Expires      int64
	HasExpires   bool
	IssuedAt     int64
	HasIssuedAt  bool
	NotBefore    int64
	HasNotBefore bool

	// Type is 0 for an access token and 1 for a refresh token.
	Type    int64
	HasType bool
	// Admin and Fresh are true only if is_admin and fresh are exactly true.
	Admin bool
	Fresh bool

	hasAdmin   bool
	hasSubject bool // sub is there, which is not read
	bound      bool // cnf is there (RFC 7800)
	// These are values as written, for carrying them over; empty if absent.
	issuer, audience, session, generation string
	// custom are the other members, `,"name":value` each, in the token's order and as written.
	custom string
}

// read reads the claims in one pass. If a claim has the wrong JSON type, the token is rejected.
// custom is memory for the custom members, and is returned for reuse.
func (c *Claims) read(json *strictjson.Reader, data, custom []byte) ([]byte, error) {
	c.Payload, custom = string(data), custom[:0]
	if json.Open(data) != nil {
		return custom, because(ErrMalformed, "its claims are not a JSON object")
	}
	defer json.Close()
	for json.Next() {
		ok, value := true, json.Value
		raw := c.Payload[json.End-len(value) : json.End]
		switch string(json.Name) {
		case "identity":
			c.Identity, ok = text(raw)
			ok = ok && strings.IndexByte(c.Identity, 0) < 0 // no database stores NUL
		case "iss":
			c.issuer = raw
			c.Issuer, ok = text(raw)
		case "aud": // a string or an array of strings (RFC 7519 section 4.1.3)
			c.audience = raw
			c.Audience, ok = strictjson.Strings(value)
		case "jti":
			c.ID, ok = text(raw)
		case "exp":
			c.HasExpires = true
			c.Expires, ok = strictjson.Date(value)
		case "iat":
			c.HasIssuedAt = true
			c.IssuedAt, ok = strictjson.Date(value)
		case "nbf":
			c.HasNotBefore = true
			c.NotBefore, ok = strictjson.Date(value)
		case "type":
			c.HasType = true
			c.Type, ok = strictjson.Integer(value)
		case "is_admin":
			c.hasAdmin = true
			c.Admin, ok = boolean(value)
		case "fresh":
			c.Fresh, ok = boolean(value)
		case "sid": // sid and gen mean something only in our tokens; a login may use them freely
			c.session = raw
			c.Session, _ = text(raw)
		case "gen":
			c.generation = raw
			if n, ok := strictjson.Integer(value); ok && n >= 1 {
				c.Generation = n
			}
		default: // in another case, the next reader might take it for the known claim
			ok = !strictjson.OtherCase(json.Name, "identity", "exp", "iat", "nbf", "jti", "iss",
				"aud", "type", "fresh", "is_admin", "sid", "gen", "cnf")
			c.hasSubject = c.hasSubject || string(json.Name) == "sub"
			c.bound = c.bound || string(json.Name) == "cnf"
			custom = append(append(append(append(custom, ','), json.Quoted...), ':'), value...)
		}
		if !ok {
			return custom, because(ErrMalformed, demand(string(json.Name)))
		}
	}
	if json.Err() != nil {
		return custom, because(ErrMalformed, "its claims are not strict JSON")
	}
	// Tokens minted here end with their custom members, so that custom can share the payload's
	// memory.
	if rest := strings.TrimSuffix(c.Payload, "}"); strings.HasSuffix(rest, string(custom)) {
		c.custom = rest[len(rest)-len(custom):]
	} else {
		c.custom = string(custom)
	}
	return custom, nil
}

// text returns the text of a JSON string. It shares the memory of raw if there are no escapes.
func text(raw string) (text string, ok bool) {
	if raw[0] != '"' {
		return "", false
	}
	if strings.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1], true
	}
	unquoted, err := strictjson.Unquote([]byte(raw))
	return string(unquoted), err == nil
}

// boolean returns the value of true or false.
func boolean(value jsontext.Value) (b, ok bool) {
	return value.Kind() == 't', value.Kind() == 't' || value.Kind() == 'f'
}

// demand returns the cause for a claim of the wrong form: the form that it must have.
func demand(name string) string {
	must := "must be a string"
	switch name {
	case "identity":
		must = "must be a string without NUL"
	case "aud":
		must = "must be a string or an array of strings"
	case "exp", "iat", "nbf":
		must = "must be a number, in Unix seconds"
	case "type":
		must = "must be the number 1 (refresh token) or 0 (access token)"
	case "is_admin", "fresh":
		must = "must be true or false"
	case "iss", "jti":
	default:
		return "a claim of this service must be in lower case"
	}
	return "the claim " + name + " " + must
}
