package strictjson

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// maxCauses and maxNameLength (in characters) keep the answer to a hostile body short.
const (
	maxCauses     = 32
	maxNameLength = 32
)

// InvalidBody is the error for a request body that its schema does not allow.
type InvalidBody struct {
	// Causes has 1 to 32 entries for people, one for each fault. An entry starts with the name of
	// the member or with "body", then a colon and a space. It repeats names, but no value of the
	// body.
	Causes []string
}

// Error returns the number of causes. It repeats nothing of the body.
func (e *InvalidBody) Error() string {
	return "request body is not valid: " + count(len(e.Causes), "cause")
}

// Body reads the JSON object of a request body, and collects all its faults instead of stopping at
// the first. cmd/specgen generates the code that calls it. The zero value is ready for Open.
type Body struct {
	reader Reader
	opened bool // the body is an object
	broken bool // the body is not JSON
	causes []string
}

// Open starts to read data, which may be reused after Close.
func (b *Body) Open(data []byte) {
	b.reader.lenient = true
	if b.opened = b.reader.Open(data) == nil; b.opened {
		return
	}
	if len(trimBlank(data)) == 0 {
		b.add("body", "is empty")
		return
	}
	b.add("body", "must be a JSON object")
	b.reader.openTokenizer()
	if _, err := b.reader.json.ReadValue(); err != nil {
		b.broken = true
	} else if b.reader.trailing() != nil {
		b.add("body", "has data after the JSON value")
	}
}

// Close releases the memory that reading took.
func (b *Body) Close() { b.reader.Close() }

// Next reads the next member. It returns false at the end of the object, and if the body cannot be
// read on.
func (b *Body) Next() bool {
	if !b.opened || b.reader.Next() {
		return b.opened
	}
	switch err := b.reader.Err(); {
	case errors.Is(err, ErrTrailing):
		b.add("body", "has data after the JSON value")
	case err != nil:
		b.broken = true
	}
	return false
}

// Name returns the name of the member that Next has read.
func (b *Body) Name() []byte { return b.reader.Name }

// Err returns nil if the body has no fault, else an [*InvalidBody]. A syntax error hides the other
// causes, which may follow from it.
func (b *Body) Err() error {
	switch {
	case !b.broken && len(b.causes) == 0:
		return nil
	case !b.broken:
		return &InvalidBody{Causes: b.causes}
	default:
		return &InvalidBody{Causes: []string{"body: " + syntaxFault(b.reader.data)}}
	}
}

// add appends a cause unless it is there already.
func (b *Body) add(name, fault string) {
	cause := name + ": " + fault
	if len(b.causes) < maxCauses && !slices.Contains(b.causes, cause) {
		b.causes = append(b.causes, cause)
	}
}

// value returns the value of a known member. ok is false if the member came before or the kind is
// wrong. seen notes that the member was there.
func (b *Body) value(
	name string, seen *bool, kind jsontext.Kind, fault string,
) (_ jsontext.Value, ok bool) {
	again := *seen
	*seen = true
	switch value := b.reader.Value; {
	case again:
		b.add(name, "appears more than once")
	case value.Kind() == 'n':
		b.add(name, "must not be null")
	case value.Kind() != kind:
		b.add(name, fault)
	default:
		return value, true
	}
	return nil, false
}

// String reads a string of least to most characters. seen notes that the member was there.
func (b *Body) String(name string, seen *bool, least, most int) (string, bool) {
	quoted, ok := b.value(name, seen, '"', "must be a string")
	if !ok {
		return "", false
	}
	text, _ := Unquote(quoted) // the tokenizer has checked it
	value := string(text)
	length := len(value)
	if length < utf8.UTFMax*least || length > most {
		// A character has 1 to 4 bytes: elsewhere the number of bytes decides.
		length = utf8.RuneCountInString(value)
	}
	switch {
	case length < least:
		b.add(name, "must have at least "+count(least, "character"))
	case length > most:
		b.add(name, "must have at most "+count(most, "character"))
	default:
		return value, true
	}
	return "", false
}

// Integer reads a whole number from least to most. seen notes that the member was there.
func (b *Body) Integer(name string, seen *bool, least, most int32) (int32, bool) {
	const fault = "must be a whole number without quotes, fraction or exponent"
	digits, ok := b.value(name, seen, '0', fault)
	if !ok {
		return 0, false
	}
	value, err := strconv.ParseInt(string(digits), 10, 64)
	switch {
	case err != nil && !errors.Is(err, strconv.ErrRange):
		b.add(name, fault)
	case value < int64(least):
		b.add(name, "must be at least "+strconv.Itoa(int(least)))
	case value > int64(most):
		b.add(name, "must be at most "+strconv.Itoa(int(most)))
	default:
		return int32(value), true //nolint:gosec // least and most bound it
	}
	return 0, false
}

// Unknown refuses the member that Next has read, which is none of the known ones.
func (b *Body) Unknown(known ...string) {
	name := string(b.reader.Name)
	fault := "is not known"
	for _, right := range known {
		if strings.EqualFold(name, right) {
			fault = "is not known; names are case-sensitive, write " + right
			break
		}
	}
	b.add(label(name), fault)
}

// Require refuses an object without the member.
func (b *Body) Require(name string, seen bool) {
	if b.opened && !seen {
		b.add(name, "is required")
	}
}

// label returns a name as a cause may show it. A long or unprintable name might be a token.
func label(name string) string {
	length := utf8.RuneCountInString(name)
	hidden := func(c rune) bool { return !strconv.IsPrint(c) }
	if length == 0 || length > maxNameLength || strings.ContainsFunc(name, hidden) {
		return "a field with a name of " + count(length, "character")
	}
	return name
}

// count returns "1 character", "2 characters" and so on.
func count(n int, unit string) string {
	if n != 1 {
		unit += "s"
	}
	return strconv.Itoa(n) + " " + unit
}
