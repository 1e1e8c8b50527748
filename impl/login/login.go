// Package login signs the tokens that a login service signs: for the command line, the playground
// and the fake server.
package login

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/token"
)

// Token describes a token that a login service signs. Its claims follow the login profile.
type Token struct {
	Identity string
	// Name is the claim name. The token has none if it is empty, or if the settings give the claim
	// name another meaning.
	Name     string
	Admin    bool
	Access   bool          // an access token; otherwise a refresh token
	Fresh    bool          // an access token whose owner has just entered a password
	Lifetime time.Duration // a negative lifetime makes a token that expired so long ago
	Claims   []Claim       // further claims; each replaces a claim of the same name
}

// Claim is a claim whose value is JSON text.
type Claim struct {
	Name  string
	Value json.RawMessage
}

// Sign returns the token, signed with the key that is active at now. It fails if no key may sign or
// a claim's value is not JSON. The claims have the order of the sample in the user's page.
func (t Token) Sign(keys jwk.Source, rules token.Rules, now time.Time) (string, error) {
	payload, err := encode(t.claims(rules, now))
	if err != nil {
		return "", err
	}
	set := keys.Keys()
	if t.Access {
		set = set.Access()
	}
	return token.NewMinter(set, rules).Issue(payload, now)
}

func (t Token) claims(rules token.Rules, now time.Time) []Claim {
	p := rules.LoginProfile()
	kalsel := p.Name == token.ProfileNames()[0]
	exp := now.Add(t.Lifetime).Unix()
	all := []Claim{
		{"exp", toJSON(exp)},
		{"iat", toJSON(min(now.Unix(), exp))},
		{p.Identity, toJSON(t.Identity)},
	}
	if t.Admin || kalsel {
		all = append(all, Claim{"is_admin", toJSON(t.Admin)})
	}
	all = append(all, Claim{"jti", toJSON(rand.Text())})
	if t.Name != "" && !p.Meaning("name") {
		all = append(all, Claim{"name", toJSON(t.Name)})
	}
	switch {
	case t.Access:
		all = append(all, Claim{p.Kind, json.RawMessage(p.Access)})
		all = append(all, Claim{"fresh", toJSON(t.Fresh)})
	case p.Refresh != "":
		all = append(all, Claim{p.Kind, json.RawMessage(p.Refresh)})
	case p.MarkName != "":
		all = append(all, Claim{p.MarkName, json.RawMessage(p.MarkValue)})
	}
	if rules.Issuer != "" {
		all = append(all, Claim{"iss", toJSON(rules.Issuer)})
	}
	if rules.Audience != "" {
		all = append(all, Claim{"aud", toJSON(rules.Audience)})
	}
	for _, c := range t.Claims {
		at := slices.IndexFunc(all, func(other Claim) bool { return other.Name == c.Name })
		if at < 0 {
			all = append(all, c)
			continue
		}
		all[at] = c
	}
	return all
}

// toJSON encodes a string, number or boolean, which cannot fail.
func toJSON(v any) json.RawMessage {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}

// encode writes the claims as one JSON object and keeps their order.
func encode(claims []Claim) ([]byte, error) {
	out := bytes.NewBufferString("{")
	for i, c := range claims {
		if i > 0 {
			out.WriteByte(',')
		}
		out.Write(toJSON(c.Name))
		out.WriteByte(':')
		if err := json.Compact(out, c.Value); err != nil {
			return nil, fmt.Errorf("claim %s: %w", c.Name, err)
		}
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// Pair is the answer of a login service.
type Pair struct {
	AccessToken  string
	RefreshToken string
	Expires      int64 // exp of the access token, in Unix seconds
}

// Pair signs a fresh access token and a refresh token with the claims of t. It fails as Sign does.
func (t Token) Pair(
	keys jwk.Source, rules token.Rules, now time.Time, access, refresh time.Duration,
) (p Pair, err error) {
	t.Access, t.Fresh, t.Lifetime = true, true, access
	if p.AccessToken, err = t.Sign(keys, rules, now); err != nil {
		return Pair{}, err
	}
	t.Access, t.Lifetime = false, refresh
	p.RefreshToken, err = t.Sign(keys, rules, now)
	p.Expires = now.Add(access).Unix()
	return p, err
}
