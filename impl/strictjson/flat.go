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
	data   []byte
	at     int
	names  [maxMembers]span
	count  int // of names read
	values int // number of values read
}

// span is a range of offsets in the data.
type span struct{ from, to int }

// open starts to read data and reports whether data starts as an object.
func (f *flat) open(data []byte) bool {
	f.data, f.at, f.count, f.values = data, 0, 0, 0
	return f.take('{')
}

// tokens returns how many names and values were read by calls that returned ok.
func (f *flat) tokens() int { return f.count + f.values }

// name reads the next member up to its value and returns the name with its quotes. more is false if
// the object has ended and only white space follows it. If ok is false, flat cannot read on.
func (f *flat) name() (quoted []byte, more, ok bool) {
	f.blank()
	switch c := f.peek(); {
	case c == '}':
		f.at++
		f.blank()
		return nil, false, f.at == len(f.data)
	case c == ',' && f.count > 0 && f.count < maxMembers:
		f.at++
		f.blank()
	case f.count > 0:
		return nil, false, false
	}
	name := span{f.at, f.text()}
	f.at = name.to
	if name.to == 0 || f.seen(name) || !f.take(':') {
		return nil, false, false
	}
	f.names[f.count] = name
	f.count++
	return f.data[name.from:name.to], true, true
}

// seen reports whether an earlier member has the same name.
func (f *flat) seen(name span) bool {
	for _, other := range f.names[:f.count] {
		if bytes.Equal(f.data[other.from:other.to], f.data[name.from:name.to]) {
			return true
		}
	}
	return false
}

// value reads the value of the member whose name was read last and returns it as it is written. If
// ok is false, flat cannot read on.
func (f *flat) value() (value []byte, ok bool) {
	f.blank()
	start, end := f.at, 0
	switch c := f.peek(); {
	case c == '"':
		end = f.text()
	case c == 't':
		end = f.word("true")
	case c == 'f':
		end = f.word("false")
	case digit(c):
		end = f.number()
	}
	f.at = end
	f.blank()
	if c := f.peek(); end == 0 || c != ',' && c != '}' {
		return nil, false
	}
	f.at = end
	f.values++
	return f.data[start:end], true
}

// take skips white space, then reads c if it is the next character.
func (f *flat) take(c byte) bool {
	f.blank()
	if f.peek() != c {
		return false
	}
	f.at++
	return true
}

// peek returns the next byte, or 0 at the end of the data.
func (f *flat) peek() byte {
	if f.at < len(f.data) {
		return f.data[f.at]
	}
	return 0
}

// blank skips white space (RFC 8259, section 2).
func (f *flat) blank() {
	for c := f.peek(); c == ' ' || c == '\t' || c == '\n' || c == '\r'; c = f.peek() {
		f.at++
	}
}

// text returns the offset after the plain string that starts here, or 0 if none starts here.
func (f *flat) text() int {
	if f.peek() != '"' {
		return 0
	}
	start := f.at + 1
	length := bytes.IndexByte(f.data[start:], '"')
	if length < 0 || !plain(f.data[start:start+length]) {
		return 0
	}
	return start + length + 1
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

// word returns the offset after word, or 0 if another text starts here.
func (f *flat) word(word string) int {
	if bytes.HasPrefix(f.data[f.at:], []byte(word)) {
		return f.at + len(word)
	}
	return 0
}

// number returns the offset after the whole number that starts here, or 0 if the number is too long
// or has a leading zero.
func (f *flat) number() int {
	end := f.at
	for end < len(f.data) && digit(f.data[end]) {
		end++
	}
	if digits := end - f.at; digits > maxDigits || digits > 1 && f.data[f.at] == '0' {
		return 0
	}
	return end
}

func digit(c byte) bool { return '0' <= c && c <= '9' }
