package contract

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Why the document alone cannot refuse some bodies.
const (
	jsonSchemaNumbers = "in JSON Schema 10.0 and 1e1 are integers"
	oneValue          = "JSON Schema sees one decoded value, not how it was written"
)

// badBody is a request body that must be answered 400. In body, TOKEN stands for an acceptable refresh token.
type badBody struct {
	name, rule string
	body       string
	causes     []string // judged where Target.Exact is set
	silent     string   // see Want.Silent
}

// Causes that several bodies share.
const (
	wholeNumber = "limit: must be a whole number without quotes, fraction or exponent"
	tooSmall    = "limit: must be at least 10"
	tooBig      = "limit: must be at most 10080"
	notObject   = "body: must be a JSON object"
	notJSON     = "body: is not valid JSON"
	trailing    = "body: has data after the JSON value"
	noToken     = "refresh_token: is required"
)

func bodyCases() []Case {
	var all []Case
	for _, b := range badBodies() {
		all = append(all, b.asCase())
	}
	return append(all,
		Case{
			Name: "refreshToken/body/many things wrong", Exact: true,
			Rule: "At most 32 causes are listed.",
			Run: func(r *Run) {
				var o object
				for i := range 40 {
					o = o.add(fmt.Sprintf("extra%d", i), "1")
				}
				a := r.Send(refreshRequest(o.String()), Want{Status: http.StatusBadRequest, Kind: "bad_request"})
				if n := len(a.Envelope().Causes); n != 32 {
					r.Breach("%d causes, want 32", n)
				}
			},
		},
		Case{
			Name:     "refreshToken/body/white space",
			Rule:     "White space around the JSON value, and any order of the fields, are accepted.",
			Produces: http.StatusOK,
			Run: func(r *Run) {
				r.granted(" \t\r\n{ \"limit\" : 10 ,\n \"refresh_token\" : " + quote(r.sketch().sign()) + " }\r\n ")
			},
		},
		Case{
			Name: "refreshToken/body/escapes",
			Rule: "Names and values may be written with JSON escapes.",
			Run: func(r *Run) {
				token := r.sketch().sign()
				escaped := fmt.Sprintf(`"\u%04x%s"`, token[0], token[1:])
				r.granted(`{"\u006cimit":10,"refresh\u005ftoken":` + escaped + `}`)
			},
		},
		Case{
			Name: "refreshToken/body/values are not echoed",
			Rule: "A value that is not acceptable is never repeated in the answer.",
			Run: func(r *Run) {
				const marker = "sesame-7f3a"
				for _, body := range []string{`{"refresh_token":"x","limit":"` + marker + `"}`, `{"refresh_token":["` + marker + `"]}`, `{"note":"` + marker + `"}`} {
					a := r.Send(refreshRequest(body), Want{Status: http.StatusBadRequest, Kind: "bad_request"})
					if strings.Contains(string(a.Body), marker) {
						r.Breach("the answer repeats a value of the request")
					}
				}
			},
		},
	)
}

func (b badBody) asCase() Case {
	return Case{Name: "refreshToken/body/" + b.name, Rule: b.rule, Produces: http.StatusBadRequest, Run: func(r *Run) {
		body := strings.ReplaceAll(b.body, "TOKEN", r.sketch().sign())
		a := r.Send(refreshRequest(body), Want{
			Status: http.StatusBadRequest, Kind: "bad_request", Message: "Request is not valid", Causes: b.causes, Silent: b.silent,
		})
		if len(a.Envelope().Causes) == 0 {
			r.Breach("causes is empty, want one entry for each thing that is wrong")
		}
	}}
}

// token is the member refresh_token of a body.
const token = `"refresh_token":"TOKEN"`

func badBodies() []badBody {
	return slices.Concat(notBodies(), badRefreshTokens(), badLimits(), badNames())
}

// notBodies are no JSON objects at all.
func notBodies() []badBody {
	return []badBody{
		{name: "empty", rule: "A request needs a body.", body: "", causes: []string{"body: is empty"}},
		{name: "only white space", rule: "White space is no body.", body: " \r\n\t", causes: []string{"body: is empty"}},
		{name: "null", rule: "null is no JSON object.", body: "null", causes: []string{notObject}},
		{name: "array", rule: "An array is no JSON object.", body: "[{" + token + "}]", causes: []string{notObject}},
		{name: "string", rule: "A string is no JSON object.", body: `"TOKEN"`, causes: []string{notObject}},
		{name: "number", rule: "A number is no JSON object.", body: "10", causes: []string{notObject}},
		{name: "true", rule: "true is no JSON object.", body: "true", causes: []string{notObject}},
		{name: "cut off", rule: "A body that is cut off is not JSON.", body: "{" + token + `,"limit":1`, causes: []string{notJSON}},
		{name: "form", rule: "A form is not JSON.", body: "refresh_token=TOKEN&limit=10", causes: []string{notJSON}},
		{name: "single quotes", rule: "JSON needs double quotes.", body: "{'refresh_token':'TOKEN'}", causes: []string{notJSON}},
		{name: "comma at the end", rule: "JSON has no comma before the closing brace.", body: "{" + token + ",}", causes: []string{notJSON}},
		{name: "comment", rule: "JSON has no comments.", body: "{" + token + "/* ten */}", causes: []string{notJSON}},
		{name: "byte order mark", rule: "JSON begins without a byte order mark (RFC 8259 section 8.1).", body: "\ufeff{" + token + "}", causes: []string{notJSON}},
		{name: "NUL byte", rule: "A NUL byte inside a string is not JSON.", body: "{\"refresh_token\":\"a\x00b\"}", causes: []string{notJSON}},
		{name: "deep nesting", rule: "Thousands of nested arrays are refused like any other mistake.", body: "{" + token + `,"a":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + "}"},
		{name: "second object", rule: "Nothing may follow the JSON object.", body: "{" + token + "}{" + token + "}", causes: []string{trailing}, silent: oneValue},
		{name: "data at the end", rule: "Nothing may follow the JSON object.", body: "{" + token + "} x", causes: []string{trailing}, silent: oneValue},
		{name: "invalid UTF-8", rule: "The body must be UTF-8.", body: "{\"refresh_token\":\"\xff\xfe\"}", causes: []string{"body: is not valid UTF-8"}, silent: oneValue},
		{name: "lone surrogate", rule: "Half of a UTF-16 pair is no character.", body: `{"refresh_token":"\ud800"}`, causes: []string{notJSON}, silent: oneValue},
	}
}

func badRefreshTokens() []badBody {
	refreshToken := func(name, value, cause string) badBody {
		return badBody{
			name: "refresh_token " + name, rule: "refresh_token " + value + " is refused.",
			body: `{"refresh_token":` + value + "}", causes: []string{"refresh_token: " + cause},
		}
	}
	return []badBody{
		{name: "refresh_token missing", rule: "refresh_token is required.", body: "{}", causes: []string{noToken}},
		{name: "refresh_token missing beside limit", rule: "refresh_token is required.", body: `{"limit":10}`, causes: []string{noToken}},
		refreshToken("null", "null", "must not be null"),
		refreshToken("empty", `""`, "must have at least 1 character"),
		refreshToken("number", "10", "must be a string"),
		refreshToken("boolean", "true", "must be a string"),
		refreshToken("array", `["TOKEN"]`, "must be a string"),
		refreshToken("object", `{"token":"TOKEN"}`, "must be a string"),
	}
}

func badLimits() []badBody {
	limit := func(name, value, cause, silent string) badBody {
		return badBody{
			name: "limit " + name, rule: "limit " + value + " is refused.",
			body: "{" + token + `,"limit":` + value + "}", causes: []string{cause}, silent: silent,
		}
	}
	return []badBody{
		limit("9", "9", tooSmall, ""),
		limit("0", "0", tooSmall, ""),
		limit("negative", "-10", tooSmall, ""),
		limit("10081", "10081", tooBig, ""),
		limit("beyond 32 bits", "4294967306", tooBig, ""),
		limit("beyond 64 bits", "18446744073709551626", tooBig, ""),
		limit("far below zero", "-99999999999999999999", tooSmall, ""),
		limit("in quotes", `"10"`, wholeNumber, ""),
		limit("empty string", `""`, wholeNumber, ""),
		limit("with a fraction", "10.5", wholeNumber, ""),
		limit("10.0", "10.0", wholeNumber, jsonSchemaNumbers),
		limit("1e1", "1e1", wholeNumber, jsonSchemaNumbers),
		limit("1E+2", "1E+2", wholeNumber, jsonSchemaNumbers),
		limit("1e400", "1e400", wholeNumber, jsonSchemaNumbers),
		limit("boolean", "true", wholeNumber, ""),
		limit("array", "[10]", wholeNumber, ""),
		limit("object", "{}", wholeNumber, ""),
		limit("null", "null", "limit: must not be null", ""),
		limit("with a leading zero", "010", notJSON, ""),
		limit("hexadecimal", "0x10", notJSON, ""),
		limit("NaN", "NaN", notJSON, ""),
	}
}

// badNames have a member too many.
func badNames() []badBody {
	return []badBody{
		{name: "limit twice", rule: "A field may appear once.", body: "{" + token + `,"limit":10,"limit":20}`, causes: []string{"limit: appears more than once"}, silent: oneValue},
		{name: "limit twice, once escaped", rule: "A field may appear once, however it is written.", body: "{" + token + `,"limit":10,"\u006cimit":20}`, causes: []string{"limit: appears more than once"}, silent: oneValue},
		{name: "refresh_token twice", rule: "A field may appear once.", body: "{" + token + "," + token + "}", causes: []string{"refresh_token: appears more than once"}, silent: oneValue},
		{name: "Limit", rule: "Names are case-sensitive.", body: "{" + token + `,"Limit":10}`, causes: []string{"Limit: is not known; names are case-sensitive, write limit"}},
		{name: "Refresh_Token", rule: "Names are case-sensitive.", body: `{"Refresh_Token":"TOKEN"}`, causes: []string{"Refresh_Token: is not known; names are case-sensitive, write refresh_token", noToken}},
		{name: "unknown field", rule: "Fields that the contract does not know are refused by name.", body: "{" + token + `,"foo":1}`, causes: []string{"foo: is not known"}},
		{name: "unknown long field", rule: "A long name is not repeated.", body: "{" + token + `,"` + strings.Repeat("x", 180) + `":1}`, causes: []string{"a field with a name of 180 characters: is not known"}},
		{name: "unknown unprintable field", rule: "A name that cannot be printed is not repeated.", body: "{" + token + `,"a\u0007b":1}`, causes: []string{"a field with a name of 3 characters: is not known"}},
		{name: "unknown __proto__", rule: "A name that some languages trip over is refused like any other.", body: "{" + token + `,"__proto__":{"limit":10}}`, causes: []string{"__proto__: is not known"}},
		{name: "several things wrong", rule: "Each thing that is wrong has its own cause.", body: `{"limit":5,"foo":1}`, causes: []string{tooSmall, "foo: is not known", noToken}},
	}
}
