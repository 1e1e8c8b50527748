package contract

import (
	"fmt"
	"net/http"
	"slices"
)

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
			Name:     "refreshToken/body/white space",
			Produces: http.StatusOK,
			Rule:     "White space around the JSON value is accepted, and so is any order of the fields.",
			Run: func(r *Run) {
				token := quote(r.sketch().sign())
				r.granted(" \t\r\n{ \"limit\" : 10 ,\n \"refresh_token\" : " + token + " }\r\n ")
			},
		},
		{
			Name:     "refreshToken/body/escapes",
			Produces: http.StatusOK,
			Rule:     "Names and values may be written with JSON escapes.",
			Run: func(r *Run) {
				token := r.sketch().sign()
				escaped := fmt.Sprintf(`"\u%04x%s"`, token[0], token[1:])
				r.granted(`{"\u006cimit":10,"refresh\u005ftoken":` + escaped + `}`)
			},
		},
		{
			Name:     "revokeToken/body/limit",
			Produces: http.StatusBadRequest,
			Rule:     "A logout has no limit.",
			Run: func(r *Run) {
				body := bodyWith(r.person().sign(), "10")
				r.send(revokeToken().request(r, body), badRequest("limit: is not known"))
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
		return bad("refresh_token "+name, "refresh_token "+value+" is rejected.",
			`{"refresh_token":`+value+"}", "refresh_token: "+cause)
	}
	return []badBody{
		bad("refresh_token missing", "refresh_token is required.", "{}", noToken),
		member("null", "null", "must not be null"),
		member("empty", `""`, "must have at least 1 character"),
		member("number", "10", "must be a string"),
		member("boolean", "true", "must be a string"),
		member("array", `["TOKEN"]`, "must be a string"),
		member("object", `{"token":"TOKEN"}`, "must be a string"),
	}
}

func badLimits() []badBody {
	limit := func(name, value, cause string) badBody {
		return bad("limit "+name, "limit "+value+" is rejected.",
			`{"refresh_token":"TOKEN","limit":`+value+"}", cause)
	}
	const integers = "in JSON Schema 10.0 and 1e1 are integers"
	return []badBody{
		limit("9", "9", tooSmall),
		limit("0", "0", tooSmall),
		limit("negative", "-10", tooSmall),
		limit("10081", "10081", tooBig),
		limit("beyond 32 bits", "4294967306", tooBig),
		limit("beyond 64 bits", "18446744073709551626", tooBig),
		limit("far below zero", "-99999999999999999999", tooSmall),
		limit("in quotes", `"10"`, wholeNumber),
		limit("empty string", `""`, wholeNumber),
		limit("with a fraction", "10.5", wholeNumber),
		limit("10.0", "10.0", wholeNumber).silently(integers),
		limit("1e1", "1e1", wholeNumber).silently(integers),
		limit("1E+2", "1E+2", wholeNumber).silently(integers),
		limit("1e400", "1e400", wholeNumber).silently(integers),
		limit("boolean", "true", wholeNumber),
		limit("array", "[10]", wholeNumber),
		limit("object", "{}", wholeNumber),
		limit("null", "null", "limit: must not be null"),
		limit("with a leading zero", "010", notJSON),
		limit("hexadecimal", "0x10", notJSON),
		limit("NaN", "NaN", notJSON),
	}
}

func badMixtures() []badBody {
	const caseSensitive = "Names are case-sensitive."
	return []badBody{
		bad(
			"limit twice",
			"A field may appear once.",
			`{"refresh_token":"TOKEN","limit":10,"limit":20}`,
			"limit: appears more than once",
		).silently(oneValue),
		bad("Limit", caseSensitive, `{"refresh_token":"TOKEN","Limit":10}`,
			"Limit: is not known; names are case-sensitive, write limit"),
		bad(
			"refresh_token missing beside limit",
			"refresh_token is required.",
			`{"limit":10}`,
			noToken,
		),
		bad("refresh_token in another case alone", caseSensitive, `{"Refresh_Token":"TOKEN"}`,
			"Refresh_Token: is not known; names are case-sensitive, write refresh_token", noToken),
		bad("several things wrong", "Each mistake has its own cause.", `{"limit":5,"foo":1}`,
			tooSmall, "foo: is not known", noToken),
	}
}
