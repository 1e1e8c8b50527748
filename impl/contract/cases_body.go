package contract

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// oneValue says why the document alone cannot reject some bodies.
const oneValue = "JSON Schema sees one decoded value, not how it was written"

const notJSON = "body: is not valid JSON"

// badBody is a request body that must be answered 400. operation.fill replaces MEMBERS and TOKEN in
// it.
type badBody struct {
	name, rule, body string
	want             Want
}

// bad returns a bad body. Causes are judged at LevelExact; "" leaves their wording open.
func bad(name, rule, body string, causes ...string) badBody {
	if slices.Contains(causes, "") {
		causes = nil
	}
	return badBody{name, rule, body, badRequest(causes...)}
}

func (b badBody) silently(reason string) badBody {
	b.want = b.want.silently(reason)
	return b
}

func (b badBody) asCase(o operation) Case {
	return Case{
		Name:     o.id + "/body/" + b.name,
		Rule:     b.rule,
		Produces: http.StatusBadRequest,
		Run: func(r *Run) {
			a := r.send(o.request(r, o.fill(r, b.body)), b.want)
			if len(a.envelope().Causes) == 0 {
				r.breach(
					"the causes of a 400 must have one entry for each mistake",
					"there is none",
				)
			}
		},
	}
}

// bodyCases hold for every operation that takes a body.
func bodyCases() []Case {
	var all []Case
	for _, o := range withBody() {
		for _, b := range slices.Concat(notBodies(), badNames()) {
			all = append(all, b.asCase(o))
		}
		all = append(all, o.twice(), o.otherCase(), o.manyMistakes(), o.valuesNotEchoed())
	}
	return all
}

func (o operation) twice() Case {
	return Case{
		Name: o.id + "/body/field twice",
		Rule: "A field may appear once, however it is written.",
		Run: func(r *Run) {
			first := o.members(r)[0]
			want := badRequest(first.name + ": appears more than once").silently(oneValue)
			escaped := fmt.Sprintf(`"\u%04x%s"`, first.name[0], first.name[1:])
			for _, name := range []string{quote(first.name), escaped} {
				r.send(o.request(r, o.fill(r, "{MEMBERS,"+name+":"+first.value+"}")), want)
			}
		},
	}
}

func (o operation) otherCase() Case {
	return Case{
		Name: o.id + "/body/field in another case",
		Rule: "Names are case-sensitive.",
		Run: func(r *Run) {
			first := o.members(r)[0]
			other := strings.ToUpper(first.name[:1]) + first.name[1:]
			body := o.fill(r, "{MEMBERS,"+quote(other)+":"+first.value+"}")
			cause := other + ": is not known; names are case-sensitive, write " + first.name
			r.send(o.request(r, body), badRequest(cause))
		},
	}
}

func (o operation) manyMistakes() Case {
	return Case{
		Name:  o.id + "/body/many things wrong",
		Level: LevelExact,
		Rule:  "At most 32 causes are listed.",
		Run: func(r *Run) {
			var many object
			for i := range 40 {
				many = many.add(fmt.Sprintf("extra%d", i), "1")
			}
			a := r.send(o.request(r, many.String()), badRequest())
			if n := len(a.envelope().Causes); n != 32 {
				r.breach("a 400 must list at most 32 causes", "it lists %d of 40", n)
			}
		},
	}
}

func (o operation) valuesNotEchoed() Case {
	return Case{
		Name: o.id + "/body/values are not echoed",
		Rule: "An answer never repeats a value of the request: it may be a secret.",
		Run: func(r *Run) {
			const marker = "sesame-7f3a"
			first := quote(o.members(r)[0].name)
			for _, body := range []string{
				"{" + first + `:["` + marker + `"]}`, `{MEMBERS,"note":"` + marker + `"}`, `"` + marker + `"`,
			} {
				a := r.send(o.request(r, o.fill(r, body)), badRequest())
				if strings.Contains(string(a.Body), marker) {
					r.breach(
						"an answer must not repeat a value of the request",
						"%s",
						excerpt(a.Body),
					)
				}
			}
		},
	}
}

// notBodies are not JSON objects.
func notBodies() []badBody {
	const (
		notObject = "body: must be a JSON object"
		empty     = "body: is empty"
		trailing  = "body: has data after the JSON value"
		follow    = "Nothing may follow the JSON object."
	)
	deep := strings.Repeat("[", 5000) + strings.Repeat("]", 5000)
	return []badBody{
		bad("empty", "A request needs a body.", "", empty),
		bad("only white space", "White space is not a body.", " \r\n\t", empty),
		bad("null", "null is not a JSON object.", "null", notObject),
		bad("array", "An array is not a JSON object.", "[{MEMBERS}]", notObject),
		bad("string", "A string is not a JSON object.", `"TOKEN"`, notObject),
		bad("number", "A number is not a JSON object.", "10", notObject),
		bad("true", "true is not a JSON object.", "true", notObject),
		bad("cut off", "A truncated body is not JSON.", `{MEMBERS,"a":1`, notJSON),
		bad("form", "A form is not JSON.", "refresh_token=TOKEN&limit=10", notJSON),
		bad("single quotes", "JSON needs double quotes.", "{'refresh_token':'TOKEN'}", notJSON),
		bad(
			"comma at the end",
			"JSON has no comma before the closing brace.",
			"{MEMBERS,}",
			notJSON,
		),
		bad("comment", "JSON has no comments.", "{MEMBERS/* ten */}", notJSON),
		bad(
			"byte order mark",
			"JSON has no byte order mark (RFC 8259 section 8.1).",
			"\ufeff{MEMBERS}",
			notJSON,
		),
		bad(
			"NUL byte",
			"A NUL byte inside a string is not JSON.",
			"{MEMBERS,\"a\":\"b\x00c\"}",
			notJSON,
		),
		bad(
			"deep nesting",
			"Thousands of nested arrays are rejected.",
			`{MEMBERS,"a":`+deep+"}",
			"",
		),
		bad("second object", follow, "{MEMBERS}{MEMBERS}", trailing).silently(oneValue),
		bad("data at the end", follow, "{MEMBERS} x", trailing).silently(oneValue),
		bad(
			"invalid UTF-8",
			"The body must be UTF-8.",
			"{MEMBERS,\"a\":\"\xff\xfe\"}",
			"body: is not valid UTF-8",
		),
		bad(
			"lone surrogate",
			"Half of a UTF-16 pair is not a character.",
			`{MEMBERS,"a":"\ud800"}`,
			notJSON,
		),
	}
}

// badNames have a member that is not known.
func badNames() []badBody {
	const notRepeated = "A name that is long or cannot be printed is not repeated."
	return []badBody{
		bad(
			"unknown field",
			"An unknown field is rejected by name.",
			`{MEMBERS,"foo":1}`,
			"foo: is not known",
		),
		bad("unknown long field", notRepeated, `{MEMBERS,"`+strings.Repeat("x", 180)+`":1}`,
			"a field with a name of 180 characters: is not known"),
		bad("unknown unprintable field", notRepeated, `{MEMBERS,"a\u0007b":1}`,
			"a field with a name of 3 characters: is not known"),
		bad("unknown __proto__", "__proto__ is rejected like any other unknown name.",
			`{MEMBERS,"__proto__":{"limit":10}}`, "__proto__: is not known"),
	}
}
