package contract

import (
	"fmt"
	"net/http"
	"slices"
)

// jsonSchemaNumbers says why the document alone cannot refuse some numbers.
const jsonSchemaNumbers = "in JSON Schema 10.0 and 1e1 are integers"

// Causes that several bodies share.
const (
	wholeNumber = "limit: must be a whole number without quotes, fraction or exponent"
	tooSmall    = "limit: must be at least 10"
	tooBig      = "limit: must be at most 10080"
	noToken     = "refresh_token: is required"
)

// refreshBodyCases are about the members of a refresh request.
func refreshBodyCases() []Case {
	all := []Case{
		{
			Name: "refreshToken/body/white space", Produces: http.StatusOK,
			Rule: "White space around the JSON value, and any order of the fields, are accepted.",
			Run: func(r *Run) {
				r.granted(" \t\r\n{ \"limit\" : 10 ,\n \"refresh_token\" : " + quote(r.sketch().sign()) + " }\r\n ")
			},
		},
		{
			Name: "refreshToken/body/escapes", Produces: http.StatusOK,
			Rule: "Names and values may be written with JSON escapes.",
			Run: func(r *Run) {
				token := r.sketch().sign()
				escaped := fmt.Sprintf(`"\u%04x%s"`, token[0], token[1:])
				r.granted(`{"\u006cimit":10,"refresh\u005ftoken":` + escaped + `}`)
			},
		},
	}
	for _, b := range slices.Concat(badRefreshTokens(), badLimits(), badMixtures()) {
		all = append(all, b.asCase(refreshToken()))
	}
	for _, b := range badRefreshTokens() {
		all = append(all, b.asCase(revokeToken()))
	}
	return all
}

func badRefreshTokens() []badBody {
	member := func(name, value, cause string) badBody {
		return badBody{
			name: "refresh_token " + name, rule: "refresh_token " + value + " is refused.",
			body: `{"refresh_token":` + value + "}", causes: []string{"refresh_token: " + cause},
		}
	}
	return []badBody{
		{name: "refresh_token missing", rule: "refresh_token is required.", body: "{}", causes: []string{noToken}},
		member("null", "null", "must not be null"),
		member("empty", `""`, "must have at least 1 character"),
		member("number", "10", "must be a string"),
		member("boolean", "true", "must be a string"),
		member("array", `["TOKEN"]`, "must be a string"),
		member("object", `{"token":"TOKEN"}`, "must be a string"),
	}
}

func badLimits() []badBody {
	limit := func(name, value, cause, silent string) badBody {
		return badBody{
			name: "limit " + name, rule: "limit " + value + " is refused.",
			body: `{"refresh_token":"TOKEN","limit":` + value + "}", causes: []string{cause}, silent: silent,
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

func badMixtures() []badBody {
	return []badBody{
		{name: "limit twice", rule: "A field may appear once.", body: `{"refresh_token":"TOKEN","limit":10,"limit":20}`, causes: []string{"limit: appears more than once"}, silent: oneValue},
		{name: "Limit", rule: "Names are case-sensitive.", body: `{"refresh_token":"TOKEN","Limit":10}`, causes: []string{"Limit: is not known; names are case-sensitive, write limit"}},
		{name: "refresh_token missing beside limit", rule: "refresh_token is required.", body: `{"limit":10}`, causes: []string{noToken}},
		{name: "refresh_token in another case alone", rule: "Names are case-sensitive.", body: `{"Refresh_Token":"TOKEN"}`, causes: []string{"Refresh_Token: is not known; names are case-sensitive, write refresh_token", noToken}},
		{name: "several things wrong", rule: "Each thing that is wrong has its own cause.", body: `{"limit":5,"foo":1}`, causes: []string{tooSmall, "foo: is not known", noToken}},
	}
}
