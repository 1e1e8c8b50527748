package contract

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The suite signs and opens tokens by itself, in a few lines: what it judges by must not be what it judges.

// object is a JSON object whose members stay in order, may appear twice, and hold any text as their value.
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

// sketch is a token before it is signed.
type sketch struct {
	header, claims object
	key            []byte
}

// sketch returns a refresh token that the target must accept: signed now, for 30 days.
func (t Target) sketch() sketch {
	now := time.Now().Unix()
	claims := object{
		{"exp", number(now + 30*24*3600)},
		{"iat", number(now)},
		{"identity", `"contract.kit@example.com"`},
		{"is_admin", "false"},
		{"jti", quote("contract-" + number(time.Now().UnixNano()))},
		{"name", `"Contract Kit"`},
		{"type", "1"},
	}
	return t.addressed(claims)
}

// sample returns the token of the user's page: its exact claims but for exp.
func (t Target) sample(exp int64) sketch {
	return t.addressed(object{
		{"exp", number(exp)},
		{"identity", `"whois.muchlis@gmail.com"`},
		{"is_admin", "true"},
		{"jti", `""`},
		{"name", `"Real Muchlis"`},
	})
}

func (t Target) addressed(claims object) sketch {
	if t.Issuer != "" {
		claims = claims.add("iss", quote(t.Issuer))
	}
	if t.Audience != "" {
		claims = claims.add("aud", quote(t.Audience))
	}
	return sketch{header: object{{"alg", `"HS256"`}, {"typ", `"JWT"`}}, claims: claims, key: t.Secret}
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

// sign returns the token in its compact form, signed with HMAC and the hash that alg names; SHA-256 for any other alg.
func (s sketch) sign() string {
	return signText(s.header.String(), s.claims.String(), s.key)
}

func signText(header, claims string, key []byte) string {
	input := encode([]byte(header)) + "." + encode([]byte(claims))
	return input + "." + encode(mac(header, input, key))
}

func mac(header, input string, key []byte) []byte {
	newHash := func() hash.Hash { return sha256.New() }
	switch {
	case strings.Contains(header, `"HS384"`):
		newHash = sha512.New384
	case strings.Contains(header, `"HS512"`):
		newHash = sha512.New
	}
	m := hmac.New(newHash, key)
	m.Write([]byte(input))
	return m.Sum(nil)
}

func encode(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

// opened is an access token that came back.
type opened struct {
	claims map[string]any
	alg    string
	// genuine says that the signature was checked. With another algorithm than HS256 the secret cannot tell.
	genuine bool
}

var errNoToken = errors.New("access_token is not a JWT")

// open decodes a token and checks its signature where the secret can tell.
func (t Target) open(raw string) (opened, error) {
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return opened{}, errNoToken
	}
	header, headerErr := base64.RawURLEncoding.DecodeString(parts[0])
	claims, claimsErr := base64.RawURLEncoding.DecodeString(parts[1])
	signature, signatureErr := base64.RawURLEncoding.DecodeString(parts[2])
	if errors.Join(headerErr, claimsErr, signatureErr) != nil {
		return opened{}, errNoToken
	}
	var head struct {
		Alg string `json:"alg"`
		Kid string `json:"kid"`
	}
	o := opened{}
	decoder := json.NewDecoder(bytes.NewReader(claims))
	decoder.UseNumber()
	if json.Unmarshal(header, &head) != nil || decoder.Decode(&o.claims) != nil {
		return opened{}, errNoToken
	}
	o.alg = head.Alg
	if head.Alg == "HS256" && head.Kid == "" {
		if !hmac.Equal(signature, mac("", parts[0]+"."+parts[1], t.Secret)) {
			return opened{}, errors.New("the signature of access_token is not the secret's")
		}
		o.genuine = true
	}
	return o, nil
}

// number returns a claim that must be a whole number.
func (o opened) number(name string) (int64, error) {
	n, ok := o.claims[name].(json.Number)
	if !ok {
		return 0, fmt.Errorf("claim %s is not a number", name)
	}
	return strconv.ParseInt(n.String(), 10, 64)
}

// text returns a claim that must be a string; "" if it is none.
func (o opened) text(name string) string {
	s, _ := o.claims[name].(string)
	return s
}
