package contract

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// object is a JSON object whose members stay in order, may appear twice, and may have any text as
// their value.
type object []member

type member struct{ name, value string }

func (o object) set(name, value string) object {
	at := slices.IndexFunc(o, func(m member) bool { return m.name == name })
	if at < 0 {
		return o.add(name, value)
	}
	o = slices.Clone(o)
	o[at].value = value
	return o
}

func (o object) add(name, value string) object {
	return append(slices.Clone(o), member{name, value})
}

func (o object) drop(name string) object {
	return slices.DeleteFunc(slices.Clone(o), func(m member) bool { return m.name == name })
}

func (o object) String() string {
	var parts []string
	for _, m := range o {
		parts = append(parts, quote(m.name)+":"+m.value)
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func quote(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		return `""`
	}
	return strings.TrimSpace(b.String())
}

func number[N int | int64](n N) string { return strconv.FormatInt(int64(n), 10) }

// newIdentity returns an identity that no other case has, in any run.
func newIdentity() string { return "contract.kit+" + rand.Text() + "@example.com" }

// sketch is a token before it is signed.
type sketch struct {
	header, claims object
	key            Key
	now            int64 // when it is issued
	login          login
}

// sketch returns a refresh token that the target must accept: issued now, for 30 days, in a session
// of its own of the case's identity.
func (r *Run) sketch() sketch {
	now := r.now()
	return r.addressed(object{
		{"exp", number(now + 30*24*3600)},
		{"iat", number(now)},
		{"identity", quote(r.identity)},
		{"is_admin", "false"},
		{"jti", quote(rand.Text())},
		{"name", `"Contract Kit"`},
		{"type", "1"},
	})
}

// person returns a sketch of an identity that even the case itself has not used.
func (r *Run) person() sketch { return r.sketch().claim("identity", quote(newIdentity())) }

// sample returns the token of the kalsel page: its exact claims except exp.
func (r *Run) sample(exp int64) sketch {
	return r.addressed(object{
		{"exp", number(exp)},
		{"identity", `"whois.muchlis@gmail.com"`},
		{"is_admin", "true"},
		{"jti", `""`},
		{"name", `"Real Muchlis"`},
	})
}

// administrator returns the access token of an administrator who has just logged in.
func (r *Run) administrator() sketch {
	s := r.sketch().claim("type", "0").claim("fresh", "true").claim("is_admin", "true")
	if r.AccessSecret != nil {
		s = s.by(secretKey(r.AccessSecret))
	}
	return s.claim("identity", quote("admin+"+r.identity)).claim("exp", number(r.now()+600))
}

// owner returns the access token of a user who logged in a while ago.
func (r *Run) owner(identity string) sketch {
	s := r.administrator().claim("identity", quote(identity))
	return s.claim("is_admin", "false").claim("fresh", "false")
}

// addressed adds the issuer and audience that the target requires.
func (r *Run) addressed(claims object) sketch {
	if r.Issuer != "" {
		claims = claims.add("iss", quote(r.Issuer))
	}
	if r.Audience != "" {
		claims = claims.add("aud", quote(r.Audience))
	}
	return sketch{claims: claims, now: r.now(), login: r.login()}.by(r.Keys[0])
}

// by returns the token with the header for another key.
func (s sketch) by(k Key) sketch {
	s.key, s.header = k, object{{"alg", quote(k.algorithm)}, {"typ", `"JWT"`}}
	if k.id != "" {
		s = s.head("kid", quote(k.id))
	}
	return s
}

// forged returns the token with a key that the deployment does not have.
func (s sketch) forged() sketch {
	s.key = s.key.forger()
	return s
}

func (s sketch) claim(name, value string) sketch {
	s.claims = s.claims.set(name, value)
	return s
}

func (s sketch) without(name string) sketch {
	s.claims = s.claims.drop(name)
	return s
}

func (s sketch) head(name, value string) sketch {
	s.header = s.header.set(name, value)
	return s
}

// value returns the text of a claim, a JSON value; "" if there is none.
func (s sketch) value(name string) string {
	at := slices.IndexFunc(s.claims, func(m member) bool { return m.name == name })
	if at < 0 {
		return ""
	}
	return s.claims[at].value
}

// identity returns the claim identity.
func (s sketch) identity() string { return strings.Trim(s.value("identity"), `"`) }

// sign returns the token in its compact form.
func (s sketch) sign() string { return signText(s.header.String(), s.text(), s.key) }

// text returns the claims as the login writes them.
func (s sketch) text() string { return s.login.written(s.claims).String() }

// signText signs any header and claims with the key. A secret uses the hash that alg names.
func signText(header, claims string, key Key) string {
	var head struct{ Alg string }
	_ = json.Unmarshal([]byte(header), &head) // a case may want a header that is not JSON
	input := encode([]byte(header)) + "." + encode([]byte(claims))
	signature, err := key.method(head.Alg).Sign(input, key.private)
	if err != nil {
		panic(err) // the key was read and suits its algorithm
	}
	return input + "." + encode(signature)
}

func encode(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }
