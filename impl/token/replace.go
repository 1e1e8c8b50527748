package token

import (
	"errors"
	"fmt"
	"slices"

	"kalsel.dev/refresh/impl/strictjson"
)

// keptClaims are the claims that only the login and this service decide. Those of them that a
// profile gives a meaning to, such as exp, are kept because of that.
func keptClaims() []string {
	return []string{
		"type", "fresh", "client_id", "azp", "scope", "auth_time", "login_sid", "acr",
		"amr",
	}
}

// keeps reports whether an access token keeps a claim of its refresh token when all other claims
// are replaced.
func (p *Profile) keeps(claim string) bool {
	return claim != "is_admin" && (p.Meaning(claim) || slices.Contains(keptClaims(), claim))
}

// Replace returns t with other claims, for an access token: those of the JSON object claims, and of
// t only those that the login and this service decide. ignored names the claims of the object that
// are kept from t although the object has another value. Replace fails if claims is not strict JSON
// (RFC 7493), or if the access token would be rejected because of a claim.
func (p *Profile) Replace(t *Token, claims []byte) (_ *Token, ignored []string, _ error) {
	changed := *t
	changed.hasAdmin, changed.Admin = false, false
	own, custom, err := p.kept(t)
	if err != nil {
		return nil, nil, err
	}
	var json strictjson.Reader
	if err := json.Open(claims); err != nil {
		return nil, nil, fmt.Errorf("claims: %w", err)
	}
	defer json.Close()
	for json.Next() {
		switch name := string(json.Name); {
		case name == "is_admin":
			changed.Admin, changed.hasAdmin = boolean(json.Value)
			if !changed.hasAdmin {
				return nil, nil, errors.New("claims: is_admin must be true or false")
			}
		case p.keeps(name):
			if own[name] != string(json.Value) {
				ignored = append(ignored, name)
			}
		case p.otherCase(json.Name):
			return nil, nil, errors.New("claims: " + p.demand(name))
		default:
			custom = appendMember(custom, &json)
		}
	}
	if err := json.Err(); err != nil {
		return nil, nil, fmt.Errorf("claims: %w", err)
	}
	changed.custom = string(custom)
	return &changed, ignored, nil
}

// kept returns the values of the claims of t that are kept, as they are written, and the custom
// members among them. A value that an OAuth client has narrowed stands in custom alone.
func (p *Profile) kept(t *Token) (own map[string]string, custom []byte, _ error) {
	own = map[string]string{}
	var json strictjson.Reader
	read := func(object string, use func(name string)) error {
		if err := json.Open([]byte(object)); err != nil {
			return fmt.Errorf("claims of the token: %w", err)
		}
		defer json.Close()
		for json.Next() {
			if name := string(json.Name); p.keeps(name) {
				use(name)
			}
		}
		return json.Err()
	}
	err := read(t.Payload, func(name string) { own[name] = string(json.Value) })
	if err != nil || t.custom == "" {
		return own, nil, err
	}
	err = read("{"+t.custom[1:]+"}", func(string) {
		custom = appendMember(custom, &json)
	})
	return own, custom, err
}
