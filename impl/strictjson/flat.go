package strictjson

import (
	"bytes"
	"encoding/binary"
)

const (
	maxMembers = 16 // few enough to compare each name with all others
	maxDigits  = 15 // an int64 and a float64 both hold such numbers exactly
)

// flat reads the JSON objects that nearly all callers send: at most 16 members, names and strings
// of printable ASCII without escapes, whole numbers, true and false. At anything else, valid or
// not, it stops without a reason, and a Reader continues with a tokenizer for all of JSON. Such a
// tokenizer is most of the cost of decoding a request or a token (docs/decisions/0008-hot-path.md).
type flat struct {
	data  []byte
	at    int              // offset of the next character
	names [maxMembers]span // with their quotes
	count int              // of the members that were read
	value span             // of the last member
}

// span is a range of offsets in the data.
type span struct{ from, to int }

// open starts to read data and reports whether data starts as an object.
func (f *flat) open(data []byte) bool {
	f.data, f.at, f.count = data, 0, 0
	return f.skip('{')
}

// next reads the next member. more is false if the object has ended and only white space follows
// it. If ok is false, flat cannot read on.
func (f *flat) next() (more, ok bool) {
	switch {
	case f.skip('}'):
		f.blank()
		return false, f.at == len(f.data)
	case f.count == maxMembers, f.count > 0 && !f.skip(','):
		return false, false
	}
	f.blank()
	name := span{f.at, f.text()}
	if f.at = name.to; name.to == 0 {
		return false, false
	}
	for _, other := range f.names[:f.count] {
		if bytes.Equal(f.data[other.from:other.to], f.data[name.from:name.to]) {
			return false, false
		}
	}
	if !f.skip(':') {
		return false, false
	}
	f.blank()
	f.value = span{from: f.at}
	rest := f.data[f.at:]
	switch {
	case len(rest) == 0:
	case rest[0] == '"':
		f.value.to = f.text()
	case bytes.HasPrefix(rest, []byte("true")):
		f.value.to = f.at + len("true")
	case bytes.HasPrefix(rest, []byte("false")):
		f.value.to = f.at + len("false")
	default:
		f.value.to = f.number()
	}
	if f.at = f.value.to; f.at == 0 {
		return false, false
	}
	f.blank()
	if f.at == len(f.data) || f.data[f.at] != ',' && f.data[f.at] != '}' {
		return false, false
	}
	f.names[f.count] = name
	f.count++
	return true, true
}

// skip skips white space and then c, if that comes next, which it reports.
func (f *flat) skip(c byte) bool {
	f.blank()
	if f.at == len(f.data) || f.data[f.at] != c {
		return false
	}
	f.at++
	return true
}

// blank skips white space (RFC 8259 section 2).
func (f *flat) blank() {
	for f.at < len(f.data) {
		switch f.data[f.at] {
		case ' ', '\t', '\n', '\r':
			f.at++
		default:
			return
		}
	}
}

// text returns the offset after the plain string that starts here, or 0 if none starts here.
func (f *flat) text() int {
	if f.at == len(f.data) || f.data[f.at] != '"' {
		return 0
	}
	start := f.at + 1
	length := bytes.IndexByte(f.data[start:], '"')
	if length < 0 || !plain(f.data[start:start+length]) {
		return 0
	}
	return start + length + 1
}

// number returns the offset after the whole number that starts here, or 0 if none starts here, or
// it is too long or has a leading zero.
func (f *flat) number() int {
	end := f.at
	for end < len(f.data) && '0' <= f.data[end] && f.data[end] <= '9' {
		end++
	}
	if digits := end - f.at; digits == 0 || digits > maxDigits ||
		digits > 1 && f.data[f.at] == '0' {
		return 0
	}
	return end
}

// Plain reports whether c is an ASCII character that stands for itself in a JSON string.
func Plain(c byte) bool { return ' ' <= c && c < 0x80 && c != '"' && c != '\\' }

// plain reports whether every character of text, which contains no quote, is Plain. Tokens are
// long, so it looks at eight characters at a time.
func plain(text []byte) bool {
	const (
		ones  = 0x0101010101010101
		highs = 0x80 * ones
	)
	for ; len(text) >= 8; text = text[8:] {
		x := binary.LittleEndian.Uint64(text)
		backslash := x ^ '\\'*ones
		// If a byte is not ASCII, below a blank, or a backslash, the highest bit of the lowest such
		// byte is set. If there is no such byte, no highest bit is set.
		if (x|(x-' '*ones)|(backslash-ones)&^backslash)&highs != 0 {
			return false
		}
	}
	for _, c := range text {
		if !Plain(c) {
			return false
		}
	}
	return true
}
