package decode_test

import (
	"slices"
	"strings"
	"testing"

	"kalsel.dev/refresh/gen"
)

func TestRefused(t *testing.T) {
	const token = `"refresh_token":"a"`
	for _, test := range []struct {
		name, body string
		want       []string
	}{
		{"empty", "", []string{"body: is empty"}},
		{"white space", " \r\n\t", []string{"body: is empty"}},
		{"null", "null", []string{"body: must be a JSON object"}},
		{"array", `[{` + token + `}]`, []string{"body: must be a JSON object"}},
		{"string", `"a"`, []string{"body: must be a JSON object"}},
		{"number", "10", []string{"body: must be a JSON object"}},
		{"boolean", "true", []string{"body: must be a JSON object"}},
		{"null and more", "null {}",
			[]string{"body: must be a JSON object", "body: has data after the JSON value"}},
		{"form", "refresh_token=a&limit=10", []string{notJSON + "; start with { (byte 1)"}},
		{"truncated", `{` + token, []string{notJSON + "; it ends too early (byte 21)"}},
		{"truncated string", `{"refresh_token":"a`,
			[]string{notJSON + "; it ends too early (byte 20)"}},
		{"truncated value", `{"limit":`, []string{notJSON + "; it ends too early (byte 10)"}},
		{"array truncated", `[1,`, []string{notJSON + "; it ends too early (byte 4)"}},
		{"trailing comma", `{` + token + `,}`,
			[]string{notJSON + "; remove the comma before the bracket (byte 21)"}},
		{"missing comma", `{` + token + ` "limit":10}`,
			[]string{notJSON + "; a comma or a colon is missing (byte 22)"}},
		{"missing colon", `{"limit" 10}`,
			[]string{notJSON + "; a comma or a colon is missing (byte 10)"}},
		{"name without quotes", `{refresh_token:"a"}`,
			[]string{notJSON + "; put names in double quotes (byte 2)"}},
		{"single quotes", `{'refresh_token':'a'}`,
			[]string{notJSON + "; use double quotes in place of single quotes (byte 2)"}},
		{"number as name", `{1:2}`, []string{notJSON + "; put names in double quotes (byte 2)"}},
		{"comment", `{` + token + `/**/}`, []string{notJSON + "; remove the comment (byte 21)"}},
		{"byte order mark", "\ufeff{" + token + `}`,
			[]string{notJSON + "; remove the byte order mark (BOM) at its start"}},
		{"control character", "{\"refresh_token\":\"a\nb\"}",
			[]string{notJSON + "; write a line break in a string as \\n (byte 20)"}},
		{"unknown escape", `{"refresh_token":"\x"}`,
			[]string{notJSON + "; use an escape that JSON has (byte 19)"}},
		{"half a surrogate pair", `{"refresh_token":"\ud800"}`,
			[]string{notJSON + "; use an escape that JSON has (byte 19)"}},
		{"syntax error after other faults", `{"limit":1,"foo":2,`,
			[]string{notJSON + "; it ends too early (byte 20)"}},
		{"syntax error below an unknown name", `{"foo":{"a":[1,}}`,
			[]string{notJSON + "; remove the comma before the bracket (byte 15)"}},
		{"nested without end", strings.Repeat(`{"a":`, 3000),
			[]string{notJSON + "; it ends too early (byte 15001)"}},
		{"nested too deep", strings.Repeat("[", 15000), []string{notJSON + " (byte 10001)"}},
		{"leading zero", `{` + token + `,"limit":010}`, []string{notJSON + " (byte 31)"}},
		{"plus sign", `{` + token + `,"limit":+10}`, []string{notJSON + " (byte 30)"}},
		{"hexadecimal", `{` + token + `,"limit":0x10}`, []string{notJSON + " (byte 31)"}},
		{"underscore in number", `{` + token + `,"limit":1_0}`, []string{notJSON + " (byte 31)"}},
		{"NaN", `{` + token + `,"limit":NaN}`,
			[]string{notJSON + "; put text in double quotes, and write true, false and null in lower case (byte 30)"}},
		{"invalid UTF-8 in a value", "{\"refresh_token\":\"\xff\"}",
			[]string{"body: is not valid UTF-8"}},
		{"invalid UTF-8 in a name", "{\"\xc3(\":1}", []string{"body: is not valid UTF-8"}},
		{"UTF-8 encoded surrogate", "{\"refresh_token\":\"\xed\xa0\x80\"}",
			[]string{"body: is not valid UTF-8"}},
		{"overlong UTF-8", "{\"refresh_token\":\"\xc0\x80\"}",
			[]string{"body: is not valid UTF-8"}},
		{"UTF-16", "\xff\xfe{\x00}\x00", []string{"body: is not valid UTF-8"}},
		{"two objects", `{` + token + `}{}`, []string{"body: has data after the JSON value"}},
		{"junk after the object", `{` + token + `} x`,
			[]string{"body: has data after the JSON value"}},
		{"brace too many", `{` + token + `}}`, []string{"body: has data after the JSON value"}},
		{"invalid UTF-8 after the object", "{" + token + "}\xff",
			[]string{"body: has data after the JSON value"}},
		{"NUL after the object", "{" + token + "}\x00",
			[]string{"body: has data after the JSON value"}},

		{"no member", `{}`, []string{"refresh_token: is required"}},
		{"token left out", `{"limit":10}`, []string{"refresh_token: is required"}},
		{"token null", `{"refresh_token":null}`, []string{"refresh_token: must not be null"}},
		{"token number", `{"refresh_token":1}`, []string{"refresh_token: must be a string"}},
		{"token boolean", `{"refresh_token":false}`, []string{"refresh_token: must be a string"}},
		{"token object", `{"refresh_token":{"refresh_token":"a"}}`,
			[]string{"refresh_token: must be a string"}},
		{"token array", `{"refresh_token":["a"]}`, []string{"refresh_token: must be a string"}},
		{"token empty", `{"refresh_token":""}`,
			[]string{"refresh_token: must have at least 1 character"}},

		{"limit below", `{` + token + `,"limit":9}`, []string{"limit: must be at least 10"}},
		{"limit zero", `{` + token + `,"limit":0}`, []string{"limit: must be at least 10"}},
		{"limit minus zero", `{` + token + `,"limit":-0}`, []string{"limit: must be at least 10"}},
		{"limit negative", `{` + token + `,"limit":-10}`, []string{"limit: must be at least 10"}},
		{"limit above", `{` + token + `,"limit":10081}`, []string{"limit: must be at most 10080"}},
		{"limit wraps in 32 bits", `{` + token + `,"limit":4294967306}`,
			[]string{"limit: must be at most 10080"}},
		{"limit wraps in 64 bits", `{` + token + `,"limit":18446744073709551626}`,
			[]string{"limit: must be at most 10080"}},
		{"limit negative, past 64 bits", `{` + token + `,"limit":-18446744073709551606}`,
			[]string{"limit: must be at least 10"}},
		{"limit of 1000 digits", `{` + token + `,"limit":` + strings.Repeat("9", 1000) + `}`,
			[]string{"limit: must be at most 10080"}},
		{"limit null", `{` + token + `,"limit":null}`, []string{"limit: must not be null"}},
		{"limit in quotes", `{` + token + `,"limit":"10"}`, []string{notWhole}},
		{"limit empty string", `{` + token + `,"limit":""}`, []string{notWhole}},
		{"limit boolean", `{` + token + `,"limit":true}`, []string{notWhole}},
		{"limit object", `{` + token + `,"limit":{}}`, []string{notWhole}},
		{"limit array", `{` + token + `,"limit":[10]}`, []string{notWhole}},
		{"limit fraction", `{` + token + `,"limit":10.5}`, []string{notWhole}},
		{"limit fraction of zero", `{` + token + `,"limit":10.0}`, []string{notWhole}},
		{"limit exponent", `{` + token + `,"limit":1e1}`, []string{notWhole}},
		{"limit exponent of zero", `{` + token + `,"limit":10E0}`, []string{notWhole}},
		{"limit huge exponent", `{` + token + `,"limit":1e400}`, []string{notWhole}},

		{"limit twice", `{` + token + `,"limit":10,"limit":10}`,
			[]string{"limit: appears more than once"}},
		{"limit three times", `{"limit":10,"limit":9,"limit":"a",` + token + `}`,
			[]string{"limit: appears more than once"}},
		{"token twice, once escaped", `{` + token + `,"refresh\u005ftoken":"a"}`,
			[]string{"refresh_token: appears more than once"}},
		{"twice and wrong", `{` + token + `,"limit":9,"limit":10}`,
			[]string{"limit: must be at least 10", "limit: appears more than once"}},
		{"null, then a value", `{"refresh_token":null,` + token + `}`,
			[]string{"refresh_token: must not be null", "refresh_token: appears more than once"}},

		{"another case", `{` + token + `,"Limit":10}`,
			[]string{"Limit: is not known; names are case-sensitive, write limit"}},
		{"another case of a required name", `{"REFRESH_TOKEN":"a"}`,
			[]string{"REFRESH_TOKEN: is not known; names are case-sensitive, write refresh_token",
				"refresh_token: is required"}},
		{"unknown", `{` + token + `,"foo":1}`, []string{"foo: is not known"}},
		{"unknown twice", `{` + token + `,"foo":1,"foo":null}`, []string{"foo: is not known"}},
		{"unknown with nested junk",
			`{` + token + `,"foo":{"limit":1,"limit":[{},{"a":null,"a":"\ud83d\ude00"}]}}`,
			[]string{"foo: is not known"}},
		{"prototype", `{` + token + `,"__proto__":{}}`, []string{"__proto__: is not known"}},
		{"space before the name", `{` + token + `," limit":10}`, []string{" limit: is not known"}},
		{"name of 32 characters", `{` + token + `,"` + strings.Repeat("é", 32) + `":1}`,
			[]string{strings.Repeat("é", 32) + ": is not known"}},
		{"name of 33 characters", `{` + token + `,"` + strings.Repeat("é", 33) + `":1}`,
			[]string{"a field with a name of 33 characters: is not known"}},
		{"token as name",
			`{"eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjE2MTEzMTgyMTl9.c2lnbmF0dXJl":1,` + token + `}`,
			[]string{"a field with a name of 58 characters: is not known"}},
		{"name without characters", `{` + token + `,"":1}`,
			[]string{"a field with a name of 0 characters: is not known"}},
		{"name not printable", `{` + token + `,"\u0000":1}`,
			[]string{"a field with a name of 1 character: is not known"}},
		{"name with a line break", `{` + token + `,"a\nb":1}`,
			[]string{"a field with a name of 3 characters: is not known"}},
		{"name that turns the text around", `{` + token + `,"a\u202eb":1}`,
			[]string{"a field with a name of 3 characters: is not known"}},

		{"everything at once, in order", `{"limit":9,"foo":1,"Limit":2,"refresh_token":""}{}`,
			[]string{
				"limit: must be at least 10", "foo: is not known",
				"Limit: is not known; names are case-sensitive, write limit",
				"refresh_token: must have at least 1 character",
				"body: has data after the JSON value",
			}},
		{"the missing one last", `{"limit":9}`,
			[]string{"limit: must be at least 10", "refresh_token: is required"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := gen.RefreshRequest{RefreshToken: "old"}
			err := r.DecodeStrict([]byte(test.body))
			if got := causes(err); !slices.Equal(got, test.want) {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
			if r.RefreshToken != "old" || r.Limit != nil {
				t.Errorf("the refused body was stored: %+v", r)
			}
		})
	}
}
