package strictform_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"kalsel.dev/refresh/impl/strictform"
	"kalsel.dev/refresh/impl/strictjson"
)

// TestForm: which forms are read, and what the causes say about the others.
func TestForm(t *testing.T) {
	const pairs = "body: must be name=value pairs with & between them; write % as %25 and ; as %3B"
	for form, want := range map[string]struct {
		token  string // of 2 to 4 characters, required
		hint   string // optional
		causes []string
	}{
		"token=abc":                      {token: "abc"},
		"token=abc&hint=d":               {token: "abc", hint: "d"},
		"hint=d&token=abc":               {token: "abc", hint: "d"},
		"&token=abc&&":                   {token: "abc"},
		"token=abc&other=1&other=2&=3&4": {token: "abc"},
		"token=abc&Hint=d":               {token: "abc"},
		"t%6Fken=a%62c":                  {token: "abc"},
		"token=a+b":                      {token: "a b"},
		"token=a%2Bb":                    {token: "a+b"},
		"token=a%00b":                    {token: "a\x00b"},
		"token=a=b":                      {token: "a=b"},
		"token=%C3%A9%C3%A9%C3%A9%C3%A9": {token: "éééé"},
		"token=éé":                       {token: "éé"},
		"token=abc&hint=":                {token: "abc"},
		"token=abc&hint":                 {token: "abc"},
		"token=abc&other=%FF":            {token: "abc"},
		"":                               {causes: []string{"token: is required"}},
		"token=":                         {causes: []string{"token: is required"}},
		"token":                          {causes: []string{"token: is required"}},
		"?token=abc":                     {causes: []string{"token: is required"}},
		"\ufefftoken=abc":                {causes: []string{"token: is required"}},
		"token=a": {
			causes: []string{"token: must have at least 2 characters"},
		},
		"token=abcde": {
			causes: []string{"token: must have at most 4 characters"},
		},
		"token=abc&token=abc":   {causes: []string{"token: must be sent once"}},
		"token=abc&token=":      {causes: []string{"token: must be sent once"}},
		"token=abc&tok%65n=abc": {causes: []string{"token: must be sent once"}},
		"token=abc&hint=&hint=": {causes: []string{"hint: must be sent once"}},
		"token=a&hint=b&hint=c": {
			causes: []string{"token: must have at least 2 characters", "hint: must be sent once"},
		},
		"token=%FF%FF":         {causes: []string{"token: is not valid UTF-8"}},
		"token=%ED%A0%80":      {causes: []string{"token: is not valid UTF-8"}},
		"token=ab\xff":         {causes: []string{"body: is not valid UTF-8"}},
		"token=abc&other=\xff": {causes: []string{"body: is not valid UTF-8"}},
		"token=abc;hint=d":     {causes: []string{pairs}},
		"token=abc&a;b":        {causes: []string{pairs}},
		"token=abc&a=%":        {causes: []string{pairs}},
		"token=%u0061bc":       {causes: []string{pairs}},
		"token=abc" + strings.Repeat("&", 16_000): {causes: []string{pairs}},
	} {
		f := strictform.Parse([]byte(form))
		token, hint := f.Required("token", 2, 4), f.Optional("hint", 0, 4)
		var causes []string
		if invalid, ok := errors.AsType[*strictjson.InvalidBody](f.Err()); ok {
			causes = invalid.Causes
		} else if f.Err() != nil {
			t.Fatal(f.Err())
		}
		if !slices.Equal(causes, want.causes) {
			t.Errorf("%.40q: causes %q, want %q", form, causes, want.causes)
		}
		if causes == nil && (token != want.token || (hint == nil) != (want.hint == "") ||
			hint != nil && *hint != want.hint) {
			t.Errorf("%.40q: token %q, hint %v", form, token, hint)
		}
	}
}
