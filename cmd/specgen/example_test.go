package main

import (
	"errors"
	"slices"
	"strings"
	"testing"

	gen "kalsel.dev/refresh/cmd/specgen/testdata/example"
)

// TestExampleRefuses tries the decoder of the example where the service's own contract has no such
// member.
func TestExampleRefuses(t *testing.T) {
	const right = `"visit_id":"","count":0`
	long := strings.Repeat("é", 200)
	for _, test := range []struct {
		name, body string
		want       []string // nil: accepted
	}{
		{"required members only", `{` + right + `}`, nil},
		{"empty body of members", `{}`, []string{"visit_id: is required", "count: is required"}},
		{"least", `{"visit_id":"","count":-5}`, nil},
		{"below", `{"visit_id":"","count":-6}`, []string{"count: must be at least -5"}},
		{"greatest", `{"visit_id":"","count":5}`, nil},
		{"above", `{"visit_id":"","count":6}`, []string{"count: must be at most 5"}},
		{"least int32", `{` + right + `,"page":-2147483648}`, nil},
		{"below int32", `{` + right + `,"page":-2147483649}`,
			[]string{"page: must be at least -2147483648"}},
		{"greatest int32", `{` + right + `,"page":2147483647}`, nil},
		{"above int32", `{` + right + `,"page":2147483648}`,
			[]string{"page: must be at most 2147483647"}},
		{"above int64", `{` + right + `,"page":9223372036854775808}`,
			[]string{"page: must be at most 2147483647"}},
		{"below int64", `{` + right + `,"page":-9223372036854775809}`,
			[]string{"page: must be at least -2147483648"}},
		{"200 characters of two bytes", `{` + right + `,"reason":"` + long + `"}`, nil},
		{"201 characters", `{` + right + `,"reason":"` + long + `."}`,
			[]string{"reason: must have at most 200 characters"}},
		{"200 escapes", `{` + right + `,"reason":"` + strings.Repeat(`\u00e9`, 200) + `"}`, nil},
		{"empty string", `{` + right + `,"reason":""}`, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := new(gen.VisitRequest).DecodeStrict([]byte(test.body))
			var got []string
			if invalid := (*gen.InvalidBody)(nil); errors.As(err, &invalid) {
				got = invalid.Causes
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestExampleTellsAbsentFromZero(t *testing.T) {
	var absent, zero gen.VisitRequest
	if err := absent.DecodeStrict([]byte(`{"visit_id":"v","count":3}`)); err != nil {
		t.Fatal(err)
	}
	if absent.VisitID != "v" || absent.Count != 3 || absent.Page != nil || absent.Reason != nil {
		t.Errorf("absent: %+v", absent)
	}
	if err := zero.DecodeStrict(
		[]byte(`{"visit_id":"v","count":3,"page":0,"reason":""}`)); err != nil {
		t.Fatal(err)
	}
	if zero.Page == nil || *zero.Page != 0 || zero.Reason == nil || *zero.Reason != "" {
		t.Errorf("zero: %+v", zero)
	}
	if gen.VisitRequestPageDefault != 1 {
		t.Errorf("default of page: %d", gen.VisitRequestPageDefault)
	}
}

// TestExampleForm tries the decoder of a form.
func TestExampleForm(t *testing.T) {
	const malformed = "body: must be name=value pairs with & between them; write % as %25 and ; as %3B"
	for _, test := range []struct {
		name, body string
		want       []string // nil: accepted, with the text "éé" and without order
	}{
		{"required parameter only", "visit_text=%C3%A9%C3%A9", nil},
		{"unknown parameters", "a=1&a=2&visit_text=%C3%A9%C3%A9&=&b", nil},
		{"empty optional parameter", "order=&visit_text=%C3%A9%C3%A9", nil},
		{"optional parameter without a value", "order&visit_text=%C3%A9%C3%A9", nil},
		{"absent", "", []string{"visit_text: is required"}},
		{"empty", "visit_text=", []string{"visit_text: is required"}},
		{"name in another case", "Visit_Text=ab", []string{"visit_text: is required"}},
		{"twice", "visit_text=ab&visit_text=ab", []string{"visit_text: must be sent once"}},
		{"twice, once empty", "visit_text=ab&visit_text=",
			[]string{"visit_text: must be sent once"}},
		{"twice, spelled with an escape", "visit_text=ab&visit%5Ftext=ab",
			[]string{"visit_text: must be sent once"}},
		{"optional parameter twice", "order=a&visit_text=ab&order=b",
			[]string{"order: must be sent once"}},
		{"too short", "visit_text=a", []string{"visit_text: must have at least 2 characters"}},
		{"too long", "visit_text=abcde&order=abcd", []string{
			"order: must have at most 3 characters", "visit_text: must have at most 4 characters"}},
		{"semicolon", "visit_text=ab;order=a", []string{malformed}},
		{"half an escape", "visit_text=%C", []string{malformed}},
		{"no UTF-8", "visit_text=a\xff", []string{"body: is not valid UTF-8"}},
		{"no UTF-8, escaped", "visit_text=a%FF", []string{"visit_text: is not valid UTF-8"}},
		{"JSON", `{"visit_text":"ab"}`, []string{"visit_text: is required"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			form := gen.SearchForm{VisitText: "old"}
			err := form.DecodeForm([]byte(test.body))
			var got []string
			if invalid := (*gen.InvalidBody)(nil); errors.As(err, &invalid) {
				got = invalid.Causes
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
			text := "old"
			if test.want == nil {
				text = "éé"
			}
			if form.VisitText != text || form.Order != nil {
				t.Errorf("decoded %+v, want text %q and no order", form, text)
			}
		})
	}
}
