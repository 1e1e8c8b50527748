package strictjson

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

// readFlat returns names and values in turn, and whether flat reached the end.
func readFlat(data []byte) (tokens []string, whole bool) {
	var f flat
	if !f.open(data) {
		return nil, false
	}
	for {
		more, ok := f.next()
		if !ok || !more {
			return tokens, ok
		}
		name, value := f.names[f.count-1], f.value
		tokens = append(tokens, string(data[name.from:name.to]), string(data[value.from:value.to]))
	}
}

// readTokens does the same with jsontext.
func readTokens(data []byte) (tokens []string, whole bool) {
	d := jsontext.NewDecoder(bytes.NewReader(data))
	if t, err := d.ReadToken(); err != nil || t.Kind() != '{' {
		return nil, false
	}
	for d.PeekKind() != '}' {
		value, err := d.ReadValue()
		if err != nil {
			return tokens, false
		}
		tokens = append(tokens, string(value))
	}
	_, inside := d.ReadToken()
	_, after := d.ReadToken()
	return tokens, inside == nil && errors.Is(after, io.EOF)
}

func TestFlat(t *testing.T) {
	for in, want := range map[string]string{
		`{}`:                            ``,
		` { } `:                         ``,
		`{"a":"b"}`:                     `"a" "b"`,
		"{ \"a\" :\t1 ,\r\n\"\":0}":     `"a" 1 "" 0`,
		`{"t":true,"f":false}`:          `"t" true "f" false`,
		`{"n":999999999999999}`:         `"n" 999999999999999`,
		"{\"a\":\"~ []{},:'<\u007f>\"}": "\"a\" \"~ []{},:'<\u007f>\"",
		`{"long":"` + strings.Repeat("0123456789abcdef",
			30) + `"}`: `"long" "` + strings.Repeat("0123456789abcdef", 30) + `"`,
	} {
		tokens, whole := readFlat([]byte(in))
		if got := strings.Join(tokens, " "); got != want || !whole {
			t.Errorf("%s: got %s, to the end %t", in, got, whole)
		}
	}
	many := "{"
	for i := range 17 {
		many += `"` + strconv.Itoa(i) + `":0,`
	}
	for _, in := range []string{
		``, ` `, `[]`, `"a"`, `{`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":1,}`, `{,"a":1}`,
		`{"a":1 "b":2}`, `{"a" 1}`, `{}x`, `{}{}`,
		`{"a":1}}`, `{"a":01}`, `{"a":00}`, `{"a":-1}`, `{"a":1.0}`, `{"a":1e1}`,
		`{"a":1000000000000000}`, `{"a":tru}`, `{"a":truex}`, `{"a":null}`,
		`{"a":{}}`, `{"a":[]}`, `{"a":"b}`, `{"a":"\n"}`, `{"a":"\u007f"}`, `{"\u0061":1}`,
		"{\"a\":\"\n\"}", "{\"a\":\"\x1f1234567\"}", "{\"a\":\"1234567é\"}",
		"{\"a\":\"\xff\"}", "\ufeff{}", `{"a":1,"a":2}`, `{a:1}`, `{'a':1}`,
		strings.TrimSuffix(many, ",") + "}", "{}\x00",
	} {
		if tokens, whole := readFlat([]byte(in)); whole {
			t.Errorf("%s: got %s", in, tokens)
		}
	}
}

// TestStringsCharByChar: a character that is not plain is found at every place of a string, and no
// plain character is taken for one.
func TestStringsCharByChar(t *testing.T) {
	for length := 1; length <= 17; length++ {
		for at := range length {
			for c := range 256 {
				text := []byte(strings.Repeat("a", length))
				text[at] = byte(c)
				_, whole := readFlat([]byte(`{"a":"` + string(text) + `"}`))
				if want := Plain(byte(c)); whole != want {
					t.Fatalf("%q: read %t", text, whole)
				}
			}
		}
	}
	for c := range 256 {
		quoted, err := jsontext.AppendQuote(nil, string(rune(c)))
		if err != nil {
			t.Fatal(err)
		}
		if got, want := Plain(byte(c)), c < 0x80 && len(quoted) == 3; got != want {
			t.Errorf("Plain(%q) = %t", byte(c), got)
		}
	}
}

// FuzzFlat: jsontext reads every object that flat reads, and reads it in the same way.
func FuzzFlat(f *testing.F) {
	for _, in := range []string{
		`{}`, `{"refresh_token":"a.b.c","limit": 10}`, `{"a":true,"b":false,"c":"x\\y"}`,
		`{"a":1,"a":2}`, "{\"a\":\"\x7f\x80\"}", `{"a":12345678901234567}`,
	} {
		f.Add([]byte(in))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, whole := readFlat(data)
		want, valid := readTokens(data)
		if whole && !valid {
			t.Fatalf("read %q, which is not valid", got)
		}
		if whole && strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Fatalf("read %q, and the tokenizer %q", got, want)
		}
		for i := range got {
			if i < len(want) && got[i] != want[i] {
				t.Fatalf("read %q, and the tokenizer %q", got, want)
			}
		}
	})
}
