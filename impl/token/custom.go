package token

import (
	"kalsel.dev/refresh/impl/strictjson"
)

// Text returns the value of a claim that neither this package nor the profile gives a meaning to,
// such as scope. ok is false if the claim is absent or is not a string.
func (c *Claims) Text(name string) (value string, ok bool) {
	var json strictjson.Reader
	if c.custom == "" || json.Open([]byte("{"+c.custom[1:]+"}")) != nil {
		return "", false
	}
	defer json.Close()
	for json.Next() {
		if string(json.Name) == name {
			return text(string(json.Value))
		}
	}
	return "", false
}

// WithText returns a copy of the token in which a claim that this package gives no meaning to has
// another value. The claims keep their order; a claim that is absent stays absent.
func (t *Token) WithText(name, value string) *Token {
	changed := *t
	var json strictjson.Reader
	if t.custom == "" || json.Open([]byte("{"+t.custom[1:]+"}")) != nil {
		return &changed
	}
	defer json.Close()
	var custom []byte
	for json.Next() {
		custom = append(append(append(custom, ','), json.Quoted...), ':')
		if string(json.Name) == name {
			custom = appendQuoted(custom, value)
		} else {
			custom = append(custom, json.Value...)
		}
	}
	changed.custom = string(custom)
	return &changed
}
