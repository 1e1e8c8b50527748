package token

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"kalsel.dev/refresh/impl/strictjson"
)

// kind is one of the two kinds of token, as far as the profile's claim tells.
type kind uint8

const (
	noKind kind = iota // the claim is absent
	refreshKind
	accessKind
	otherKind
)

// demandKind returns the values that the claim Kind may have, in words.
func (p *Profile) demandKind() string {
	if p.Refresh[0] == '"' {
		return fmt.Sprintf("must be %s or %s", p.Refresh, p.Access)
	}
	return fmt.Sprintf("must be the number %s (refresh token) or %s (access token)",
		p.Refresh, p.Access)
}

// kindOf reads the value of the claim Kind. ok is false if it has the wrong JSON type.
func (p *Profile) kindOf(raw string) (k kind, ok bool) {
	switch {
	case raw == p.Access:
		return accessKind, true
	case raw == p.Refresh, p.Refresh == "":
		return refreshKind, true
	case p.Refresh[0] == '"':
		return otherKind, raw[0] == '"'
	}
	_, ok = strictjson.Integer(jsontext.Value(raw))
	return otherKind, ok
}

// readIdentity reads the value of the claim Identity. ok is false if it is neither a string without
// NUL nor, where the profile allows it, a whole number in canonical decimal form.
func (p *Profile) readIdentity(raw string) (identity string, ok bool) {
	if p.numbers && raw[0] != '"' {
		digits := strings.TrimPrefix(raw, "-")
		return raw, raw != "-0" && digits != "" && strings.Trim(digits, "0123456789") == ""
	}
	identity, ok = text(raw)
	return identity, ok && strings.IndexByte(identity, 0) < 0 // no database stores NUL
}

// isMark reports whether raw is the value of the claim MarkName that refresh tokens have.
func (p *Profile) isMark(raw string) bool {
	if raw == p.MarkValue {
		return true
	}
	got, isText := text(raw)
	want, wantsText := text(p.MarkValue)
	return isText && wantsText && got == want
}

// otherCase reports whether name is a claim of the profile written in another case. The next reader
// might take it for that claim.
func (p *Profile) otherCase(name []byte) bool {
	folds := func(claim string) bool { return strings.EqualFold(claim, string(name)) }
	return strictjson.OtherCase(name, p.known...) || slices.ContainsFunc(p.mixed, folds)
}

// Resembling returns the profile that a token's claims look like: p itself, unless another one fits
// better. It is nil if no profile fits. hasIdentity is false if the claims have the kind of token as
// the profile has it, but not its claim with the identity.
func (p *Profile) Resembling(claims []byte) (found *Profile, hasIdentity bool) {
	var members map[string]json.RawMessage
	if json.Unmarshal(claims, &members) != nil {
		return nil, false
	}
	best := 0
	for _, other := range append([]Profile{*p}, profiles()...) {
		_, has := members[other.Identity]
		kind, mark := string(members[other.Kind]), string(members[other.MarkName])
		told := kind != "" && (kind == other.Refresh || kind == other.Access) ||
			other.MarkName != "" && mark != "" && other.isMark(mark)
		fit := 0
		switch {
		case told && has:
			fit = 3
		case told && other.required:
			fit = 2
		case has && !other.required && (kind == "" || other.Refresh == ""):
			fit = 1
		}
		if fit > best {
			best, found, hasIdentity = fit, &other, has
		}
	}
	return found, hasIdentity
}

// form is the parts of minted tokens that depend on the profile alone, as JSON with a comma in
// front.
type form struct{ access, refresh, identity string }

// formOf returns the form of the profile's tokens.
func formOf(p *Profile) form {
	f := form{access: member(p.Kind, p.Access), identity: member(p.Identity, "")}
	if p.Refresh != "" {
		f.refresh = member(p.Kind, p.Refresh)
	}
	if p.saysFresh {
		f.access += `,"fresh":false`
	}
	if p.saysFresh && p.Refresh != "" {
		f.refresh += `,"fresh":false`
	}
	return f
}

// member returns a member of a JSON object with a comma in front. value is JSON.
func member(name, value string) string {
	return "," + string(appendQuoted(nil, name)) + ":" + value
}

// IdentityIn returns the identity in the claims of a token that is not verified. It is empty if the
// claims have none.
func (p *Profile) IdentityIn(claims []byte) string {
	var members map[string]json.RawMessage
	if json.Unmarshal(claims, &members) != nil || len(members[p.Identity]) == 0 {
		return ""
	}
	identity, _ := p.readIdentity(string(members[p.Identity]))
	return identity
}
