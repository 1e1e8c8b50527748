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
		{"below int32", `{` + right + `,"page":-2147483649}`, []string{"page: must be at least -2147483648"}},
		{"greatest int32", `{` + right + `,"page":2147483647}`, nil},
		{"above int32", `{` + right + `,"page":2147483648}`, []string{"page: must be at most 2147483647"}},
		{"above int64", `{` + right + `,"page":9223372036854775808}`, []string{"page: must be at most 2147483647"}},
		{"below int64", `{` + right + `,"page":-9223372036854775809}`, []string{"page: must be at least -2147483648"}},
		{"200 characters of two bytes", `{` + right + `,"reason":"` + long + `"}`, nil},
		{"201 characters", `{` + right + `,"reason":"` + long + `."}`, []string{"reason: must have at most 200 characters"}},
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
	if err := zero.DecodeStrict([]byte(`{"visit_id":"v","count":3,"page":0,"reason":""}`)); err != nil {
		t.Fatal(err)
	}
	if zero.Page == nil || *zero.Page != 0 || zero.Reason == nil || *zero.Reason != "" {
		t.Errorf("zero: %+v", zero)
	}
	if gen.VisitRequestPageDefault != 1 {
		t.Errorf("default of page: %d", gen.VisitRequestPageDefault)
	}
}
