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
