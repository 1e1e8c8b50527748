package main

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/token"
)

// login is what a login service knows when it signs a token.
type login struct {
	Identity string
	Name     string
	Admin    bool
	Access   bool // an access token instead of a refresh token
	Fresh    bool
	TTL      time.Duration // until it expires; negative: since it expired
	Claims   []claim
}

// claim is a custom claim; its value is JSON.
type claim struct {
	name  string
	value json.RawMessage
}

// sign makes the token, with the claims in the order of the user's sample and the custom ones last.
func (l login) sign(keys jwk.Source, rules token.Rules, now time.Time) (string, error) {
	payload, err := encode(l.claims(rules, now))
	if err != nil {
		return "", err
	}
	return token.NewMinter(keys, rules).Issue(payload, now)
}

func (l login) claims(rules token.Rules, now time.Time) []claim {
	exp := now.Add(l.TTL).Unix()
	all := []claim{
		{"exp", toJSON(exp)},
		{"iat", toJSON(min(now.Unix(), exp))},
		{"identity", toJSON(l.Identity)},
		{"is_admin", toJSON(l.Admin)},
		{"jti", toJSON(rand.Text())},
	}
	if l.Name != "" {
		all = append(all, claim{"name", toJSON(l.Name)})
	}
	if l.Access {
		all = append(all, claim{"type", toJSON(0)}, claim{"fresh", toJSON(l.Fresh)})
	} else {
		all = append(all, claim{"type", toJSON(1)})
	}
	if rules.Issuer != "" {
		all = append(all, claim{"iss", toJSON(rules.Issuer)})
	}
	if rules.Audience != "" {
		all = append(all, claim{"aud", toJSON(rules.Audience)})
	}
	return append(all, l.Claims...)
}

// toJSON encodes a string, number or boolean, which cannot fail.
func toJSON(v any) json.RawMessage {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}

// encode writes the claims as one object, in their order.
func encode(claims []claim) ([]byte, error) {
	out := bytes.NewBufferString("{")
	for i, c := range claims {
		if i > 0 {
			out.WriteByte(',')
		}
		out.Write(toJSON(c.name))
		out.WriteByte(':')
		if err := json.Compact(out, c.value); err != nil {
			return nil, fmt.Errorf("claim %s: %w", c.name, err)
		}
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// reserved are the claims that refreshd sets itself.
func reserved() []string {
	return []string{
		"aud", "exp", "fresh", "gen", "iat", "identity", "is_admin", "iss", "jti", "name", "nbf", "sid", "type",
	}
}

// parseClaims reads NAME=VALUE pairs. A value that is JSON is taken as that, any other as a string.
func parseClaims(pairs []string) ([]claim, error) {
	var claims []claim
	for _, pair := range pairs {
		name, value, found := strings.Cut(pair, "=")
		switch {
		case !found || name == "":
			return nil, configError("--claim: must be NAME=VALUE")
		case slices.Contains(reserved(), strings.ToLower(name)):
			return nil, configError(fmt.Sprintf("--claim: %q cannot be set; refreshd sets this claim itself", name))
		case slices.ContainsFunc(claims, func(c claim) bool { return c.name == name }):
			return nil, configError(fmt.Sprintf("--claim: %q is given more than once", name))
		}
		raw := json.RawMessage(value)
		if !json.Valid(raw) {
			raw = toJSON(value)
		}
		claims = append(claims, claim{name, raw})
	}
	return claims, nil
}
