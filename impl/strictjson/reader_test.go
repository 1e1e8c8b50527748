package strictjson

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

// readAll returns names and values in turn, and the error at the end.
func readAll(data []byte) (tokens []string, err error) {
	var r Reader
	defer r.Close()
	if err := r.Open(data); err != nil {
		return nil, err
	}
	for r.Next() {
		if !bytes.Equal(data[r.End-len(r.Value):r.End], r.Value) {
			panic("End is not the end of the value")
		}
		name, err := Unquote(r.Quoted)
		if err != nil || !bytes.Equal(name, r.Name) {
			panic("Quoted is not the name")
		}
		tokens = append(tokens, string(r.Quoted), string(r.Value))
	}
	if r.Next() {
		panic("a member after the end")
	}
	return tokens, r.Err()
}

// acceptable describes in another way the input that Reader must accept: one valid object, at most
// 64 levels deep, whose numbers all fit a float64.
func acceptable(data []byte) bool {
	value := jsontext.Value(data)
	if value.Kind() != '{' || !value.IsValid() {
		return false
	}
	d := jsontext.NewDecoder(bytes.NewReader(data))
	for {
		t, err := d.ReadToken()
		if errors.Is(err, io.EOF) {
			return true
		}
		if t.Kind() == '0' {
			if f, err := strconv.ParseFloat(t.String(), 64); err != nil || math.IsInf(f, 0) {
				return false
			}
		}
		if d.StackDepth() > 64 {
			return false
		}
	}
}

func TestReaderErrors(t *testing.T) {
	deep := func(levels int) string {
		return `{"a":` + strings.Repeat("[", levels-1) + strings.Repeat("]", levels-1) + `}`
	}
	for in, want := range map[string]error{
		`{}`:                                     nil,
		`{"a":{"b":[1,null,-2.5e3,"\n"]}}`:       nil,
		deep(64):                                 nil,
		`{"a":1e308}`:                            nil,
		``:                                       ErrNotObject,
		`[]`:                                     ErrNotObject,
		"\ufeff{}":                               ErrNotObject,
		`{}{}`:                                   ErrTrailing,
		`{"a":null} x`:                           ErrTrailing,
		"{}\x00":                                 ErrTrailing,
		deep(65):                                 ErrDepth,
		`{"a":` + strings.Repeat("[", 5000):      ErrDepth,
		`{"a":1e309}`:                            ErrRange,
		`{"a":-1E309}`:                           ErrRange,
		`{"a":[{"b":1e309}]}`:                    ErrRange,
		`{"a":` + strings.Repeat("9", 309) + `}`: ErrRange,
	} {
		if _, err := readAll([]byte(in)); !errors.Is(err, want) || want == nil && err != nil {
			t.Errorf("%.40s: got %v, want %v", in, err, want)
		}
	}
	for _, in := range []string{
		`{"a":1,"a":2}`, `{"a":null,"\u0061":2}`, `{"x":null,"b":{"a":1,"a":2}}`,
		`{"a":"` + "\xff" + `"}`, `{"a":"\ud800"}`, `{"a":01}`,
		`{"a":NaN}`, `{"a"}`, `{"a":1,}`, `{`, `{"a":`, `{"a":[`, `{"a":nul}`,
	} {
		if _, err := readAll([]byte(in)); err == nil {
			t.Errorf("%s: accepted", in)
		}
	}
}

// TestReaderIsReused: nothing of an object is left when the next one is read.
func TestReaderIsReused(t *testing.T) {
	var r Reader
	for _, in := range []string{`{"a":null}`, `{"a":1e400}`, `{"a":1}`, `x`, `{"b":2,"c":{}}`,
		`{"a":1} x`, `{"d":true}`} {
		err := r.Open([]byte(in))
		var got []string
		for err == nil && r.Next() {
			got = append(got, string(r.Quoted), string(r.Value))
		}
		if err == nil {
			err = r.Err()
		}
		r.Close()
		want, wantErr := readAll([]byte(in))
		if strings.Join(got, " ") != strings.Join(want, " ") || !errors.Is(err, wantErr) {
			t.Errorf("%s: got %s, %v, want %s, %v", in, got, err, want, wantErr)
		}
	}
}

func TestDate(t *testing.T) {
	for in, want := range map[string]int64{
		"0":                    0,
		"1611318219":           1611318219,
		"9007199254740992":     1 << 53,
		"1.9":                  1,
		"1e9":                  1_000_000_000,
		"1E-400":               0,
		"9007199254740991.5":   -1,
		"9007199254740993":     -1,
		"18446744073709551616": -1,
		"1e400":                -1,
		"-1":                   -1,
		"-0":                   -1,
		`"1"`:                  -1,
		"null":                 -1,
		"true":                 -1,
		"[1]":                  -1,
		"{}":                   -1,
	} {
		got, ok := Date(jsontext.Value(in))
		if ok != (want >= 0) || ok && got != want {
			t.Errorf("%s: got %d, %t, want %d", in, got, ok, want)
		}
	}
}

func TestInteger(t *testing.T) {
	for in, want := range map[string]bool{
		"0":                   true,
		"-1":                  true,
		"9223372036854775807": true,
		"9223372036854775808": false,
		"-0":                  false,
		"1.0":                 false,
		"1e0":                 false,
		`"1"`:                 false,
		"null":                false,
		"true":                false,
		"[1]":                 false,
	} {
		got, ok := Integer(jsontext.Value(in))
		if ok != want || ok && strconv.FormatInt(got, 10) != in {
			t.Errorf("%s: got %d, %t", in, got, ok)
		}
	}
}

func TestStrings(t *testing.T) {
	for in, want := range map[string]string{
		`"a"`: "a", `"\u0061"`: "a", `["a","\u0062"]`: "a|b", `[]`: "", ` [ "a" ] `: "a", `""`: "",
	} {
		got, ok := Strings(bytes.TrimSpace([]byte(in)))
		if !ok || strings.Join(got, "|") != want {
			t.Errorf("%s: got %q, %t", in, got, ok)
		}
	}
	for _, in := range []string{`1`, `null`, `true`, `{}`, `{"a":"b"}`, `[1]`, `["a",null]`,
		`[["a"]]`, `["a",["b"]]`, `[{"a":"b"}]`, `["a"`} {
		if got, ok := Strings([]byte(in)); ok {
			t.Errorf("%s: got %q", in, got)
		}
	}
}

func TestOtherCase(t *testing.T) {
	known := []string{"exp", "is_admin", "x5c"}
	for name, want := range map[string]bool{
		"Exp":           true,
		"EXP":           true,
		"IS_ADMIN":      true,
		"is_Admin":      true,
		"X5C":           true,
		"i\u017f_admin": true,
		"exp":           false,
		"is_admin":      false,
		"expo":          false,
		"Expo":          false,
		"":              false,
		"É":             false,
		"exp ":          false,
		"e":             false,
	} {
		if got := OtherCase([]byte(name), known...); got != want {
			t.Errorf("%q: got %t", name, got)
		}
	}
	for c := range 128 {
		name := "a" + string(rune(c))
		if strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
			continue
		}
		want := strings.ToLower(name) != name
		if got := OtherCase([]byte(name), strings.ToLower(name)); got != want {
			t.Errorf("%q: got %t, want %t", name, got, want)
		}
	}
}

// FuzzReader: whatever part is read by hand, exactly the acceptable objects are accepted, and read
// as a tokenizer reads them.
func FuzzReader(f *testing.F) {
	for _, in := range []string{
		`{}`, `{"a":"b","c":1,"d":null,"e":2}`, `{"a":1,"b":{"c":[1e400]}}`, `{"a":1,"\u0061":2}`,
		`{"a":1e5} x`, `{"a":"é"}`, "{\"a\":1}\x00",
		`{"a":[[[{}]]],"b":-0}`, `{"z":0,"a":1,"a":2}`,
	} {
		f.Add([]byte(in))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := readAll(data)
		if (err == nil) != acceptable(data) {
			t.Fatalf("%q: %v", data, err)
		}
		if err != nil {
			return
		}
		if want, valid := readTokens(data); !valid ||
			strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Fatalf("read %q, and the tokenizer %q", got, want)
		}
	})
}
