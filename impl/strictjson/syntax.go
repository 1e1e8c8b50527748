package strictjson

import (
	"bytes"
	"errors"
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// syntaxFault says why data is not JSON, and where, without a part of data. Callers must know that
// it is not JSON.
func syntaxFault(data []byte) string {
	switch {
	case bytes.HasPrefix(data, []byte("\xef\xbb\xbf")):
		return "is not valid JSON; remove the byte order mark (BOM) at its start"
	case !utf8.Valid(data):
		return "is not valid UTF-8"
	}
	fault := "is not valid JSON"
	at := faultOffset(data)
	if hint := syntaxHint(bytes.TrimRight(data[:at], " \t\r\n"), data[at:]); hint != "" {
		fault += "; " + hint
	}
	return fault + " (byte " + strconv.Itoa(at+1) + ")"
}

// faultOffset returns the number of bytes before the first one that cannot be part of JSON.
func faultOffset(data []byte) int {
	d := jsontext.NewDecoder(bytes.NewReader(data), jsontext.AllowDuplicateNames(true))
	for {
		_, err := d.ReadToken()
		if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
			return min(int(syntax.ByteOffset), len(data))
		}
		if err != nil {
			return len(data)
		}
	}
}

// syntaxHint names a common mistake between the JSON that was read and the rest, or returns "".
func syntaxHint(read, rest []byte) string {
	if len(rest) == 0 {
		return "it ends too early"
	}
	var last byte
	if len(read) > 0 {
		last = read[len(read)-1]
	}
	next := bytes.TrimLeft(rest[1:], " \t\r\n")
	letter := func(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
	switch c := rest[0]; {
	case c == '\'':
		return "use double quotes in place of single quotes"
	case bytes.HasPrefix(rest, []byte("\u201c")), bytes.HasPrefix(rest, []byte("\u201d")):
		return "use straight double quotes"
	case c == ',' && (bytes.HasPrefix(next, []byte("}")) || bytes.HasPrefix(next, []byte("]"))):
		return "remove the comma before the bracket"
	case c == '/':
		return "remove the comment"
	case c == '\\':
		return "use an escape that JSON has"
	case c < ' ':
		return "write a line break in a string as \\n"
	case len(read) == 0:
		return "start with {"
	case last == '{' || last == ',':
		return "put names in double quotes"
	case last == ':' && letter(c):
		return "put text in double quotes, and write true, false and null in lower case"
	case c == '"' || last == '"':
		return "a comma or a colon is missing"
	}
	return ""
}
