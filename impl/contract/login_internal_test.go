package contract

import (
	"encoding/json"
	"testing"
)

// TestReadTypeAsMark: if refresh tokens have a value of type of their own, an access token with
// another value is one, and a token with that value is none.
func TestReadTypeAsMark(t *testing.T) {
	l := Target{
		Login:        "sub",
		RefreshClaim: "type",
		RefreshValue: json.RawMessage(`"refresh"`),
	}.login()
	for value, want := range map[any]any{
		json.Number("0"): json.Number("0"),
		"refresh":        "refresh",
	} {
		claims := map[string]any{"sub": "7", "type": value}
		l.read(claims)
		if claims["type"] != want || claims["identity"] != "7" {
			t.Errorf("type %v is read as %v", value, claims)
		}
	}
}

// TestTakenClaims: a claim of a case whose name has a meaning to the login is written under another
// name, and read back.
func TestTakenClaims(t *testing.T) {
	for _, target := range []Target{
		{IdentityClaim: "name"},
		{Login: "sub", RefreshClaim: "name", RefreshValue: json.RawMessage(`"refresh"`)},
	} {
		l := target.login()
		text := l.written(object{
			{"identity", `"7"`},
			{"name", `"Ana"`},
			{"type", "1"},
			{"", "1"},
		}).String()
		var members map[string]any
		if err := json.Unmarshal([]byte(text), &members); err != nil || len(members) != 4 {
			t.Errorf("written %s, %v", text, err)
		}
		if l.mark.name != "" { // access tokens do not have it
			delete(members, l.mark.name)
		}
		l.read(members)
		if members["identity"] != "7" || members["name"] != "Ana" || members[""] != 1.0 {
			t.Errorf("read back %v", members)
		}
	}
}
