package token

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Profile describes the tokens of one kind of login: which claim has the identity, and which claim
// tells refresh tokens from access tokens. Tokens that are minted have the same form, so that the
// login's own library accepts them. A Profile never changes.
type Profile struct {
	// Name selects the profile in the settings.
	Name string
	// Identity is the name of the claim that has the identity.
	Identity string
	// Kind is the name of the claim that tells the two kinds of token apart. Refresh and Access are
	// its values, as JSON. If Refresh is empty, every value but Access means a refresh token.
	Kind, Refresh, Access string
	// MarkName and MarkValue are a claim that each refresh token must have, and its value as JSON.
	// Access tokens never have that claim. If MarkName is empty, no such claim is required.
	MarkName, MarkValue string

	numbers      bool // the identity may be a whole number
	required     bool // a token without Kind is rejected
	saysFresh    bool // access tokens say that they are not fresh
	freshUntil   bool // fresh may be the time until which the token is fresh
	hasNotBefore bool // access tokens have nbf
	// known are the claims that must not appear in another case. Those of them that are not in lower
	// case stand in mixed too.
	known, mixed []string
}

// profiles returns the table of profiles, the default first.
func profiles() []Profile {
	return []Profile{
		{
			Name:      "kalsel",
			Identity:  "identity",
			Kind:      "type",
			Refresh:   "1",
			Access:    "0",
			saysFresh: true,
		},
		{
			Name:         "flask-jwt-extended",
			Identity:     "sub",
			Kind:         "type",
			Refresh:      `"refresh"`,
			Access:       `"access"`,
			numbers:      true,
			required:     true,
			saysFresh:    true,
			freshUntil:   true,
			hasNotBefore: true,
		},
		{
			Name:     "simplejwt",
			Identity: "user_id",
			Kind:     "token_type",
			Refresh:  `"refresh"`,
			Access:   `"access"`,
			numbers:  true,
			required: true,
		},
		{
			Name:      "sub",
			Identity:  "sub",
			Kind:      "type",
			Access:    "0",
			numbers:   true,
			saysFresh: true,
		},
	}
}

// ProfileNames returns the names of the profiles, the default first.
func ProfileNames() []string {
	var names []string
	for _, p := range profiles() {
		names = append(names, p.Name)
	}
	return names
}

// NewProfile returns the profile of this name. It fails if there is none.
func NewProfile(name string) (*Profile, error) {
	for _, p := range profiles() {
		if p.Name == name {
			return prepared(p), nil
		}
	}
	return nil, fmt.Errorf("%q is not one of %s", name, strings.Join(ProfileNames(), ", "))
}

// ConfigureProfile returns the profile that the settings Login, IdentityClaim and RefreshClaim
// describe. An empty setting is the default. If a setting cannot be used, wrong is its name.
func ConfigureProfile(
	login, identityClaim, refreshClaim string,
) (p *Profile, wrong string, err error) {
	p = defaultProfile()
	if login != "" {
		if p, err = NewProfile(login); err != nil {
			return nil, "Login", err
		}
	}
	if identityClaim != "" {
		if p, err = p.WithIdentity(identityClaim); err != nil {
			return nil, "IdentityClaim", err
		}
	}
	if refreshClaim != "" {
		if p, err = p.WithRefreshClaim(refreshClaim); err != nil {
			return nil, "RefreshClaim", err
		}
	}
	return p, "", nil
}

// defaultProfile returns the profile of the kalsel.dev API.
func defaultProfile() *Profile { return prepared(profiles()[0]) }

// fixedClaims are the claims that mean the same in every profile.
func fixedClaims() []string {
	return []string{
		"exp", "iat", "nbf", "jti", "iss", "aud", "fresh", "is_admin", "sid", "gen", "cnf",
	}
}

// reservedClaims are the claims that no profile may give another meaning.
func reservedClaims() []string { return append(fixedClaims(), "auth_time", "login_sid") }

// prepared returns the profile with the table that reading needs.
func prepared(p Profile) *Profile {
	p.known = append(fixedClaims(), p.Identity, p.Kind)
	if p.MarkName != "" {
		p.known = append(p.known, p.MarkName)
	}
	p.mixed = slices.DeleteFunc(slices.Clone(p.known), func(claim string) bool {
		return strings.Trim(claim, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
	})
	return &p
}

// Meaning reports whether the profile gives a claim a meaning, so that a login cannot use the claim
// for anything else.
func (p *Profile) Meaning(claim string) bool { return slices.Contains(p.known, claim) }

// WithIdentity returns the profile with another claim for the identity. It fails if the claim means
// something else.
func (p *Profile) WithIdentity(claim string) (*Profile, error) {
	taken := slices.Concat(reservedClaims(), keptClaims(), []string{p.Kind})
	if slices.Contains(taken, strings.ToLower(claim)) {
		return nil, fmt.Errorf("the claim %s has another meaning: choose another claim", claim)
	}
	other := *p
	other.Identity = claim
	return prepared(other), nil
}

// WithRefreshClaim returns the profile with a claim that each refresh token must have, written as
// NAME=VALUE. The value is read as JSON if it is JSON, else as a string. It fails if the profile
// already tells refresh tokens from access tokens, if the claim means something else, or if the
// value is not a string, a number, true or false.
func (p *Profile) WithRefreshClaim(pair string) (*Profile, error) {
	name, value, found := strings.Cut(pair, "=")
	switch {
	case p.Refresh != "":
		return nil, fmt.Errorf("cannot be used with the profile %s, in which the claim %s "+
			"tells refresh tokens from access tokens", p.Name, p.Kind)
	case !found || name == "" || value == "":
		return nil, errors.New("must be NAME=VALUE")
	case slices.Contains(append(reservedClaims(), p.Identity), strings.ToLower(name)):
		return nil, fmt.Errorf("the claim %s has another meaning: choose another claim", name)
	}
	raw := []byte(value)
	if !json.Valid(raw) {
		var err error
		if raw, err = json.Marshal(value); err != nil {
			return nil, err
		}
	}
	if strings.IndexByte("{[n", raw[0]) >= 0 {
		return nil, errors.New("the value must be a string, a number, true or false")
	}
	if name == p.Kind && string(raw) == p.Access {
		return nil, errors.New("this value marks access tokens")
	}
	other := *p
	other.MarkName, other.MarkValue = name, string(raw)
	return prepared(other), nil
}
