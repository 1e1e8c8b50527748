// Package decode_test checks the generated decoders of request bodies: cause by cause, and against kin-openapi's
// validation by the same contract.
package decode_test

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	"kalsel.dev/refresh/gen"
)

const (
	notWhole = "limit: must be a whole number without quotes, fraction or exponent"
	notJSON  = "body: is not valid JSON"
)

func TestAccepted(t *testing.T) {
	for _, test := range []struct {
		name, body, token string
		limit             int32 // 0: left out
	}{
		{"both members", `{"refresh_token":"a.b.c","limit":10}`, "a.b.c", 10},
		{"the other order", `{"limit":10080,"refresh_token":"a.b.c"}`, "a.b.c", 10080},
		{"without limit", `{"refresh_token":"a.b.c"}`, "a.b.c", 0},
		{"white space", " \t\r\n{ \"refresh_token\" :\n\"a\" , \"limit\"\t: 60 } \r\n", "a", 60},
		{"escapes", `{"refresh\u005ftoken":"\u0061\/\"\\\n","l\u0069mit":11}`, "a/\"\\\n", 11},
		{"pair of escaped surrogates", `{"refresh_token":"\ud83d\ude00"}`, "😀", 0},
		{"one character of many bytes", `{"refresh_token":"😀"}`, "😀", 0},
		{"replacement character", "{\"refresh_token\":\"\uFFFD\"}", "\uFFFD", 0},
		{"NUL, escaped", `{"refresh_token":"\u0000"}`, "\x00", 0},
		{"long token", `{"refresh_token":"` + strings.Repeat("a", 16000) + `"}`,
			strings.Repeat("a", 16000), 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := gen.RefreshRequest{RefreshToken: "old", Limit: new(int32)}
			if err := r.DecodeStrict([]byte(test.body)); err != nil {
				t.Fatal(err, causes(err))
			}
			if r.RefreshToken != test.token {
				t.Errorf("refresh_token %q, want %q", r.RefreshToken, test.token)
			}
			switch {
			case test.limit == 0 && r.Limit != nil:
				t.Errorf("limit %d, want nil", *r.Limit)
			case test.limit != 0 && (r.Limit == nil || *r.Limit != test.limit):
				t.Errorf("limit %v, want %d", r.Limit, test.limit)
			}
		})
	}
}

func TestCausesAreFew(t *testing.T) {
	var body strings.Builder
	body.WriteString("{")
	for i := range 1000 {
		body.WriteString(`"f` + strconv.Itoa(i) + `":0,`)
	}
	body.WriteString(`"limit":1}`)
	got := causes(new(gen.RefreshRequest).DecodeStrict([]byte(body.String())))
	if len(got) != 32 || got[0] != "f0: is not known" || got[31] != "f31: is not known" {
		t.Errorf("%d causes: %q", len(got), got)
	}
}

func TestErrorShowsNothingOfTheBody(t *testing.T) {
	err := new(gen.RefreshRequest).DecodeStrict([]byte(`{"secret_name":"secret_value"}`))
	if got, want := err.Error(), "request body is not valid: 2 causes"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestCausesStay(t *testing.T) {
	first := new(gen.RefreshRequest).DecodeStrict([]byte(`{"first":1}`))
	for range 10 {
		_ = new(gen.RefreshRequest).DecodeStrict([]byte(`{"second":1,"third":1}`))
	}
	if got, want := causes(first), []string{"first: is not known",
		"refresh_token: is required"}; !slices.Equal(
		got,
		want,
	) {
		t.Errorf("later bodies changed the causes to %q", got)
	}
}

// causes returns the causes of err, nil if err is nil.
func causes(err error) []string {
	if err == nil {
		return nil
	}
	var invalid *gen.InvalidBody
	if !errors.As(err, &invalid) {
		return []string{"not an InvalidBody: " + err.Error()}
	}
	return invalid.Causes
}
