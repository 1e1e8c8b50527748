package decode_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"
	"pgregory.net/rapid"
)

// FuzzDecodeAgainstSpec gives the same bytes to the generated decoders and to kin-openapi: both must refuse the same bodies,
// for the same members. The decoders are stricter on purpose only in the points that [stricter] lists.
func FuzzDecodeAgainstSpec(f *testing.F) {
	oracle := newContract(f)
	for _, name := range oracle.names() {
		for _, body := range bodies(f, name) {
			f.Add(body)
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) { oracle.compare(t, body) })
}

// TestDecodeAgainstSpec is the same for bodies that are put together from members, right ones and wrong ones.
func TestDecodeAgainstSpec(t *testing.T) {
	oracle := newContract(t)
	names := []string{
		`"foo"`,
		`"body"`,
		`""`,
		`"l\u0069mit"`,
		`"\ud800"`,
		`"` + strings.Repeat("n", 33) + `"`,
		`"a: is"`,
		`7`,
	}
	for _, name := range oracle.names() {
		for property := range oracle.schema(name).Properties {
			names = append(
				names,
				`"`+property+`"`,
				`"`+property+`"`,
				`"`+strings.ToUpper(property)+`"`,
			)
		}
	}
	values := []string{
		`"a"`, `""`, `"é"`, `"\u0000"`, `"10"`, `"\ud83d\ude00"`, `"\udc00"`, "\"\xff\"", `null`,
		`true`, `[]`, `{"a":1,"a":2}`, `[1,]`,
		`9`, `10`, `11`, `10080`, `10081`, `-0`, `010`, `10.0`, `10.5`, `1e1`, `1e400`,
		`2147483648`, `99999999999999999999`,
	}
	ends := []string{"}", "}", "}", "} ", "}}", "} 1", "", ",}"}
	rapid.Check(t, func(r *rapid.T) {
		var members []string
		for range rapid.IntRange(0, 4).Draw(r, "members") {
			name := rapid.SampledFrom(names).Draw(r, "name")
			members = append(members, name+":"+rapid.SampledFrom(values).Draw(r, "value"))
		}
		oracle.compare(
			t,
			[]byte("{"+strings.Join(members, ",")+rapid.SampledFrom(ends).Draw(r, "end")),
		)
	})
}

// compare gives body to every decoder, to kin-openapi and to encoding/json.
func (c *contract) compare(t testing.TB, body []byte) {
	t.Helper()
	for name, empty := range decoders() {
		request := empty()
		err := request.DecodeStrict(body)
		if got, want := blamed(err), c.expected(t, name, body); !agree(got, want, causes(err)) {
			t.Errorf(
				"%s: %q\nthe decoder blames %s\nthe oracle blames %s\ncauses %q",
				name,
				body,
				got,
				want,
				causes(err),
			)
		}
		if err != nil {
			continue
		}
		same := empty()
		if err := json.Unmarshal(body, same); err != nil || !reflect.DeepEqual(request, same) {
			t.Errorf(
				"%s: %q\ndecoded %+v\nencoding/json has %+v (%v)",
				name,
				body,
				request,
				same,
				err,
			)
		}
	}
}

// agree compares two sets of members. The decoder stops counting at 32 causes.
func agree(got, want fields, causes []string) bool {
	if len(causes) < 32 {
		return maps.Equal(got, want)
	}
	for name := range got {
		if !want[name] {
			return false
		}
	}
	return true
}

// expected returns the members that the decoder must blame: those that kin-openapi blames, and those of [stricter].
func (c *contract) expected(t testing.TB, name string, body []byte) fields {
	t.Helper()
	if !utf8.Valid(body) || hasHalfPair(body) {
		// encoding/json, and so kin-openapi, reads U+FFFD instead. Data after the JSON value is never read.
		if value, _, err := firstValue(body); err != nil || !utf8.Valid(value) ||
			hasHalfPair(value) {
			return fields{"body": true}
		}
	}
	value, rest, err := firstValue(body)
	if err != nil {
		return labelled(c.schema(name), c.offenders(t, name, body))
	}
	want := c.offenders(t, name, value)
	maps.Copy(want, stricter(c.schema(name), value))
	if len(bytes.Trim(rest, " \t\r\n")) > 0 {
		want["body"] = true
	}
	return labelled(c.schema(name), want)
}

// firstValue splits body after its first JSON value.
func firstValue(body []byte) (value, rest []byte, err error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	var raw json.RawMessage
	if err := decoder.Decode(&raw); err != nil {
		return nil, nil, err
	}
	end := decoder.InputOffset()
	return body[:end], body[end:], nil
}

// stricter returns the members that the decoder refuses although kin-openapi lets them pass: names that appear more than
// once, and whole numbers written with a fraction or an exponent.
func stricter(schema *openapi3.Schema, value []byte) fields {
	found := fields{}
	seen := map[string]bool{}
	decoder := json.NewDecoder(bytes.NewReader(value))
	if token, _ := decoder.Token(); token != json.Delim('{') {
		return found
	}
	for decoder.More() {
		name, _ := decoder.Token()
		var member json.RawMessage
		if err := decoder.Decode(&member); err != nil {
			panic(err)
		}
		key, _ := name.(string)
		property, known := schema.Properties[key]
		if seen[key] ||
			known && property.Value.Type.Is("integer") && bytes.ContainsAny(member, ".eE") {
			found[key] = true
		}
		seen[key] = true
	}
	return found
}

// hasHalfPair reports whether an escape in text stands for one half of a surrogate pair.
func hasHalfPair(text []byte) bool {
	unit := func(at int) uint64 { // of UTF-16, escaped at that place, or 0
		if at+6 > len(text) || text[at] != '\\' || text[at+1] != 'u' {
			return 0
		}
		value, _ := strconv.ParseUint(string(text[at+2:at+6]), 16, 16)
		return value
	}
	for i := 0; i < len(text); i++ {
		switch first := unit(i); {
		case first >= 0xd800 && first < 0xdc00 && unit(i+6) >= 0xdc00 && unit(i+6) < 0xe000:
			i += 11
		case first >= 0xd800 && first < 0xe000:
			return true
		case text[i] == '\\':
			i++
		}
	}
	return false
}

// labelled replaces the unknown names that the decoder does not repeat.
func labelled(schema *openapi3.Schema, names fields) fields {
	shown := fields{}
	for name := range names {
		length := utf8.RuneCountInString(name)
		printable := strings.IndexFunc(name, func(c rune) bool { return !strconv.IsPrint(c) }) < 0
		_, known := schema.Properties[name]
		switch {
		case known || length > 0 && length <= 32 && printable:
			shown[name] = true
		case length == 1:
			shown["a field with a name of 1 character"] = true
		default:
			shown[fmt.Sprintf("a field with a name of %d characters", length)] = true
		}
	}
	return shown
}
