package contract

import (
	"encoding/json"
	"slices"
)

// login is how a login writes its tokens. The cases name the claims of the kalsel page, identity
// and type, with the types 1 (refresh token) and 0 (access token). login translates.
type login struct {
	name, identity, kind string
	// refresh and access are the values of kind, as JSON. If refresh is empty, a refresh token has
	// the claim mark instead, if there is one.
	refresh, access string
	mark            member
	// numbers says that the identity may be a whole number.
	numbers bool
	// fresh says that access tokens have the claim fresh.
	fresh bool
}

func logins() []login {
	word := func(name, identity, kind string, fresh bool) login {
		return login{
			name:     name,
			identity: identity,
			kind:     kind,
			refresh:  `"refresh"`,
			access:   `"access"`,
			numbers:  true,
			fresh:    fresh,
		}
	}
	return []login{
		{
			name:     "kalsel",
			identity: "identity",
			kind:     "type",
			refresh:  "1",
			access:   "0",
			fresh:    true,
		},
		word("flask-jwt-extended", "sub", "type", true),
		word("simplejwt", "user_id", "token_type", false),
		{name: "sub", identity: "sub", kind: "type", access: "0", numbers: true, fresh: true},
	}
}

// login returns the login of the target. An unknown name means the kalsel page.
func (t Target) login() login {
	all := logins()
	at := max(0, slices.IndexFunc(all, func(l login) bool { return l.name == t.Login }))
	l := all[at]
	if t.IdentityClaim != "" {
		l.identity = t.IdentityClaim
	}
	if t.RefreshClaim != "" {
		l.mark = member{t.RefreshClaim, string(t.RefreshValue)}
	}
	return l
}

// requiresType reports whether a refresh token needs a claim that tells its kind.
func (t Target) requiresType() bool {
	l := t.login()
	return t.RequireType || l.refresh == `"refresh"` || l.mark.name != ""
}

// taken reports whether a claim of the kalsel page means something else to the login.
func (l login) taken(name string) bool {
	switch name {
	case "", "identity", "type":
		return false
	}
	return name == l.identity || name == l.mark.name
}

// renamed is the end of the names of claims that are taken.
const renamed = " of the case"

// written returns the claims of a token as the login writes them.
func (l login) written(claims object) object {
	var out object
	for _, m := range claims {
		switch {
		case m.name == "identity":
			m.name = l.identity
		case l.taken(m.name):
			m.name += renamed
		case m.name != "type":
		case m.value == "1" && l.refresh == "" && l.mark.name == "":
			continue
		case m.value == "1" && l.refresh == "":
			m = l.mark
		case m.value == "1":
			m = member{l.kind, l.refresh}
		case m.value == "0":
			m = member{l.kind, l.access}
		default:
			m.name = l.kind
		}
		out = append(out, m)
	}
	return out
}

// read renames the claims of an access token to those of the kalsel page.
func (l login) read(claims map[string]any) {
	if value, found := claims[l.identity]; found {
		delete(claims, l.identity)
		claims["identity"] = value
	}
	value, found := claims[l.kind]
	if text, err := json.Marshal(value); found && err == nil && string(text) == l.access {
		delete(claims, l.kind)
		claims["type"] = json.Number("0")
	}
	if _, found := claims["fresh"]; !found && !l.fresh {
		claims["fresh"] = false // absent means the same to such a login
	}
	// If the mark is a value of type, an access token has another value, which is read above.
	if _, found := claims[l.mark.name]; found && l.mark.name != "" && l.mark.name != l.kind {
		claims["type"] = "that of a refresh token"
	}
	for _, name := range []string{l.identity, l.mark.name} {
		if value, found := claims[name+renamed]; found && l.taken(name) {
			delete(claims, name+renamed)
			claims[name] = value
		}
	}
}
