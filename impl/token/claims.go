package token

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"kalsel.dev/refresh/impl/strictjson"
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
	// AuthTime is auth_time, if that is a number. In a token that this service minted for a session
	// it is the session's start, in Unix seconds.
	AuthTime    int64
	HasAuthTime bool

	Expires      int64
	HasExpires   bool
	IssuedAt     int64
	HasIssuedAt  bool
	NotBefore    int64
	HasNotBefore bool

	// HasType reports that the claim is there that tells refresh tokens from access tokens.
	HasType bool
	// Admin is true only if is_admin is exactly true. Fresh is true only if fresh is exactly true
	// or, in the profile flask-jwt-extended, if the time in it has not passed.
	Admin bool
	Fresh bool

	kind       kind
	marked     bool  // Profile.MarkName has the value that refresh tokens have
	timedFresh bool  // fresh is a time
	freshUntil int64 // that time, in Unix seconds
	hasAdmin   bool
	hasSubject bool // sub is there, which is not read
	bound      bool // cnf is there (RFC 7800)
	// These are values as written, for carrying them over; empty if absent.
	identity, issuer, audience, session, generation string
	authTime, loginSession                          string // auth_time and login_sid
	// refreshOnly are the members that mark a refresh token, where the profile leaves their value to
	// the login. Access tokens never have them.
	refreshOnly string
	// custom are the other members, `,"name":value` each, in the token's order and as written.
	custom string
}

// read reads the claims of a profile in one pass. If a claim has the wrong JSON type, the token is
// rejected. custom is memory for the custom members, and is returned for reuse.
func (c *Claims) read(
	p *Profile, json *strictjson.Reader, data, custom []byte,
) ([]byte, error) {
	c.Payload, custom = string(data), custom[:0]
	if json.Open(data) != nil {
		return custom, because(ErrMalformed, "its claims are not a JSON object")
	}
	defer json.Close()
	for json.Next() {
		ok, value := true, json.Value
		raw := c.Payload[json.End-len(value) : json.End]
		switch string(json.Name) {
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
		case "is_admin":
			c.hasAdmin = true
			c.Admin, ok = boolean(value)
		case "fresh":
			ok = c.readFresh(p, value)
		case "sid": // sid and gen mean something only in our tokens; a login may use them freely
			c.session = raw
			c.Session, _ = text(raw)
		case "gen":
			c.generation = raw
			if n, ok := strictjson.Integer(value); ok && n >= 1 {
				c.Generation = n
			}
		case "auth_time", "login_sid":
			c.readSession(string(json.Name), raw)
		default:
			var known bool
			if known, ok = c.readProfile(p, json.Name, raw); known {
				break
			}
			ok = !p.otherCase(json.Name)
			c.hasSubject = c.hasSubject || string(json.Name) == "sub"
			c.bound = c.bound || string(json.Name) == "cnf"
			custom = appendMember(custom, json)
		}
		if !ok {
			return custom, because(ErrMalformed, p.demand(string(json.Name)))
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

// readFresh reads the claim fresh. ok is false if it has the wrong JSON type.
func (c *Claims) readFresh(p *Profile, value jsontext.Value) (ok bool) {
	if c.Fresh, ok = boolean(value); ok || !p.freshUntil {
		return ok
	}
	c.freshUntil, ok = strictjson.Date(value)
	c.Fresh, c.timedFresh = ok, ok
	return ok
}

// readProfile reads a claim whose name the profile decides. known is false for any other claim. ok
// is false if the claim has the wrong JSON type.
func (c *Claims) readProfile(p *Profile, name []byte, raw string) (known, ok bool) {
	switch string(name) {
	case p.Identity:
		c.identity = raw
		c.Identity, ok = p.readIdentity(raw)
	case p.Kind:
		c.HasType = true
		c.kind, ok = p.kindOf(raw)
		if p.MarkName == p.Kind {
			c.marked = p.isMark(raw)
		}
		if p.Refresh == "" {
			c.refreshOnly += member(p.Kind, raw)
		}
	case p.MarkName:
		if p.MarkName == "" { // a claim with an empty name
			return false, false
		}
		ok, c.marked = true, p.isMark(raw)
		c.refreshOnly += member(p.MarkName, raw)
	default:
		return false, false
	}
	return true, ok
}

// appendMember appends the member that json is at, with a comma before it.
func appendMember(dst []byte, json *strictjson.Reader) []byte {
	return append(append(append(append(dst, ','), json.Quoted...), ':'), json.Value...)
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
func (p *Profile) demand(name string) string {
	must := "must be a string"
	switch name {
	case p.Identity:
		must = "must be a string without NUL"
		if p.numbers {
			must += ", or a whole number without a fraction or an exponent"
		}
	case p.Kind:
		must = p.demandKind()
	case "aud":
		must = "must be a string or an array of strings"
	case "exp", "iat", "nbf":
		must = "must be a number, in Unix seconds"
	case "is_admin", "fresh":
		must = "must be true or false"
	case "iss", "jti":
	default:
		if len(p.mixed) > 0 {
			return "a claim of this service must be written exactly as configured"
		}
		return "a claim of this service must be in lower case"
	}
	return "the claim " + name + " " + must
}
