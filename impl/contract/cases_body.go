package contract

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Why the document alone cannot refuse some bodies.
const oneValue = "JSON Schema sees one decoded value, not how it was written"

// badBody is a request body that must be answered 400. In body, MEMBERS and TOKEN stand for what operation.fill says.
type badBody struct {
	name, rule string
	body       string
	causes     []string // judged where Target.Exact is set
	silent     string   // see Want.Silent
}

// Causes that several bodies share.
const (
	notObject = "body: must be a JSON object"
	notJSON   = "body: is not valid JSON"
	trailing  = "body: has data after the JSON value"
)

// bodyCases hold for every operation that takes a body.
func bodyCases() []Case {
	var all []Case
	for _, o := range operations() {
		for _, b := range slices.Concat(notBodies(), badNames()) {
			all = append(all, b.asCase(o))
		}
		all = append(all, o.twice(), o.otherCase(), o.manyThingsWrong(), o.valuesNotEchoed())
	}
	return all
}

func (b badBody) asCase(o operation) Case {
	return Case{Name: o.id + "/body/" + b.name, Rule: b.rule, Produces: http.StatusBadRequest, Run: func(r *Run) {
		a := r.Send(o.request(r, o.fill(r, b.body)), b.want())
		if len(a.Envelope().Causes) == 0 {
			r.Breach("causes is empty, want one entry for each thing that is wrong")
		}
	}}
}

func (b badBody) want() Want {
	return Want{Status: http.StatusBadRequest, Kind: "bad_request", Message: "Request is not valid", Causes: b.causes, Silent: b.silent}
}

func (o operation) twice() Case {
	return Case{Name: o.id + "/body/field twice", Rule: "A field may appear once, however it is written.", Run: func(r *Run) {
		first := o.members(r)[0]
		want := badBody{causes: []string{first.name + ": appears more than once"}, silent: oneValue}.want()
		r.Send(o.request(r, o.fill(r, "{MEMBERS,"+quote(first.name)+":"+first.value+"}")), want)
		escaped := fmt.Sprintf(`"\u%04x%s"`, first.name[0], first.name[1:])
		r.Send(o.request(r, o.fill(r, "{MEMBERS,"+escaped+":"+first.value+"}")), want)
	}}
}

func (o operation) otherCase() Case {
	return Case{Name: o.id + "/body/field in another case", Rule: "Names are case-sensitive.", Run: func(r *Run) {
		first := o.members(r)[0]
		other := strings.ToUpper(first.name[:1]) + first.name[1:]
		r.Send(o.request(r, o.fill(r, "{MEMBERS,"+quote(other)+":"+first.value+"}")), badBody{
			causes: []string{other + ": is not known; names are case-sensitive, write " + first.name},
		}.want())
	}}
}

func (o operation) manyThingsWrong() Case {
	return Case{Name: o.id + "/body/many things wrong", Exact: true, Rule: "At most 32 causes are listed.", Run: func(r *Run) {
		var many object
		for i := range 40 {
			many = many.add(fmt.Sprintf("extra%d", i), "1")
		}
		a := r.Send(o.request(r, many.String()), badBody{}.want())
		if n := len(a.Envelope().Causes); n != 32 {
			r.Breach("%d causes, want 32", n)
		}
	}}
}

func (o operation) valuesNotEchoed() Case {
	return Case{
		Name: o.id + "/body/values are not echoed", Rule: "A value that is not acceptable is never repeated in the answer.",
		Run: func(r *Run) {
			const marker = "sesame-7f3a"
			first := quote(o.members(r)[0].name)
			for _, body := range []string{"{" + first + `:["` + marker + `"]}`, `{MEMBERS,"note":"` + marker + `"}`, `"` + marker + `"`} {
				if a := r.Send(o.request(r, o.fill(r, body)), badBody{}.want()); strings.Contains(string(a.Body), marker) {
					r.Breach("the answer repeats a value of the request")
				}
			}
		},
	}
}

// notBodies are no JSON objects at all.
func notBodies() []badBody {
	return []badBody{
		{name: "empty", rule: "A request needs a body.", body: "", causes: []string{"body: is empty"}},
		{name: "only white space", rule: "White space is no body.", body: " \r\n\t", causes: []string{"body: is empty"}},
		{name: "null", rule: "null is no JSON object.", body: "null", causes: []string{notObject}},
		{name: "array", rule: "An array is no JSON object.", body: "[{MEMBERS}]", causes: []string{notObject}},
		{name: "string", rule: "A string is no JSON object.", body: `"TOKEN"`, causes: []string{notObject}},
		{name: "number", rule: "A number is no JSON object.", body: "10", causes: []string{notObject}},
		{name: "true", rule: "true is no JSON object.", body: "true", causes: []string{notObject}},
		{name: "cut off", rule: "A body that is cut off is not JSON.", body: `{MEMBERS,"a":1`, causes: []string{notJSON}},
		{name: "form", rule: "A form is not JSON.", body: "refresh_token=TOKEN&limit=10", causes: []string{notJSON}},
		{name: "single quotes", rule: "JSON needs double quotes.", body: "{'refresh_token':'TOKEN'}", causes: []string{notJSON}},
		{name: "comma at the end", rule: "JSON has no comma before the closing brace.", body: "{MEMBERS,}", causes: []string{notJSON}},
		{name: "comment", rule: "JSON has no comments.", body: "{MEMBERS/* ten */}", causes: []string{notJSON}},
		{name: "byte order mark", rule: "JSON begins without a byte order mark (RFC 8259 section 8.1).", body: "\ufeff{MEMBERS}", causes: []string{notJSON}},
		{name: "NUL byte", rule: "A NUL byte inside a string is not JSON.", body: "{MEMBERS,\"a\":\"b\x00c\"}", causes: []string{notJSON}},
		{name: "deep nesting", rule: "Thousands of nested arrays are refused like any other mistake.", body: `{MEMBERS,"a":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + "}"},
		{name: "second object", rule: "Nothing may follow the JSON object.", body: "{MEMBERS}{MEMBERS}", causes: []string{trailing}, silent: oneValue},
		{name: "data at the end", rule: "Nothing may follow the JSON object.", body: "{MEMBERS} x", causes: []string{trailing}, silent: oneValue},
		{name: "invalid UTF-8", rule: "The body must be UTF-8.", body: "{MEMBERS,\"a\":\"\xff\xfe\"}", causes: []string{"body: is not valid UTF-8"}},
		{name: "lone surrogate", rule: "Half of a UTF-16 pair is no character.", body: `{MEMBERS,"a":"\ud800"}`, causes: []string{notJSON}},
	}
}

// badNames have a member that is not known.
func badNames() []badBody {
	return []badBody{
		{name: "unknown field", rule: "Fields that the contract does not know are refused by name.", body: `{MEMBERS,"foo":1}`, causes: []string{"foo: is not known"}},
		{name: "unknown long field", rule: "A long name is not repeated.", body: `{MEMBERS,"` + strings.Repeat("x", 180) + `":1}`, causes: []string{"a field with a name of 180 characters: is not known"}},
		{name: "unknown unprintable field", rule: "A name that cannot be printed is not repeated.", body: `{MEMBERS,"a\u0007b":1}`, causes: []string{"a field with a name of 3 characters: is not known"}},
		{name: "unknown __proto__", rule: "A name that some languages trip over is refused like any other.", body: `{MEMBERS,"__proto__":{"limit":10}}`, causes: []string{"__proto__: is not known"}},
	}
}
