package strictjson

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// maxDate is 2^53. A float64 holds every whole number up to it exactly.
const maxDate = 1 << 53

// Unquote returns the text of a JSON string that a Reader has checked. Without escapes the text
// shares the memory of quoted.
func Unquote(quoted []byte) ([]byte, error) {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1], nil
	}
	return jsontext.AppendUnquote(nil, quoted)
}

// Date reads a NumericDate (RFC 7519 section 2): Unix seconds from 0 to 2^53, a fraction floored.
// Like golang-jwt it accepts exponents (1e9) and reads a number that is not a plain integer as a
// float64. ok is false if the value is not such a number.
func Date(value jsontext.Value) (seconds int64, ok bool) {
	if value.Kind() != '0' || value[0] == '-' {
		return 0, false
	}
	if n, err := strconv.ParseInt(string(value), 10, 64); err == nil && n <= maxDate {
		return n, true
	}
	f, err := strconv.ParseFloat(string(value), 64)
	if err != nil || f >= maxDate {
		return 0, false
	}
	return int64(f), true
}

// Integer reads a whole number that is written as one. ok is false for 1.0, 1e0, -0 and "1".
func Integer(value jsontext.Value) (n int64, ok bool) {
	if value.Kind() != '0' || string(value) == "-0" {
		return 0, false
	}
	n, err := strconv.ParseInt(string(value), 10, 64)
	return n, err == nil
}

// Strings reads a string or an array of strings. ok is false for any other value.
func Strings(value jsontext.Value) (all []string, ok bool) {
	if value.Kind() == '"' {
		text, err := Unquote(value)
		return []string{string(text)}, err == nil
	}
	if value.Kind() != '[' {
		return nil, false
	}
	d := jsontext.NewDecoder(bytes.NewBuffer(value))
	for {
		switch t, err := d.ReadToken(); {
		case errors.Is(err, io.EOF):
			return all, true
		case err != nil:
			return nil, false
		case t.Kind() == '"':
			all = append(all, t.String())
		case d.StackDepth() > 1 || t.Kind() != '[' && t.Kind() != ']':
			return nil, false
		}
	}
}

// OtherCase reports whether name is one of the known names, which are in lower case, written in
// another case. Libraries such as encoding/json would read such a member as the known one.
func OtherCase(name []byte, known ...string) bool {
	lower := func(c byte) bool { return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '_' }
	if !slices.ContainsFunc(name, func(c byte) bool { return !lower(c) }) {
		return false
	}
	folds := func(k string) bool { return strings.EqualFold(string(name), k) }
	return slices.ContainsFunc(known, folds)
}
