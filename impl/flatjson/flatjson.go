// Package flatjson reads the JSON objects that nearly all callers send: few members, names and strings of printable ASCII without
// escapes, and else whole numbers, true and false. At anything else, and at all that is wrong, it stops and gives no reason: a
// tokenizer for all of JSON then reads the object from its start. It exists because such a tokenizer is most of what decoding a
// request and a token costs (docs/decisions/0008-hot-path.md).
package flatjson

import (
	"bytes"
	"encoding/binary"
)

const (
	maxMembers = 16 // so that looking for equal names among them stays cheap
	maxDigits  = 15 // what an int64 and a float64 hold exactly
)

// Reader reads one object. The zero value is ready for Open.
type Reader struct {
	data   []byte
	at     int
	names  [maxMembers]span
	count  int // of names
	values int
}

type span struct{ from, to int }

// Open begins to read data, and reports whether it begins as an object.
func (r *Reader) Open(data []byte) bool {
	r.data, r.at, r.count, r.values = data, 0, 0, 0
	return r.take('{')
}

// Tokens returns how many names and values were read so far, by calls that returned ok.
func (r *Reader) Tokens() int { return r.count + r.values }

// Offset returns the end of the value that Value has just read.
func (r *Reader) Offset() int { return r.at }

// Name reads the next member up to its value, and returns its name with the quotes. more is false at the end of the object, after which
// there is nothing but white space. Without ok nothing is known, and there is nothing more to be read.
func (r *Reader) Name() (quoted []byte, more, ok bool) {
	r.blank()
	switch c := r.peek(); {
	case c == '}':
		r.at++
		r.blank()
		return nil, false, r.at == len(r.data)
	case c == ',' && r.count > 0 && r.count < maxMembers:
		r.at++
		r.blank()
	case r.count > 0:
		return nil, false, false
	}
	name := span{r.at, r.text()}
	r.at = name.to
	if name.to == 0 || r.seen(name) || !r.take(':') {
		return nil, false, false
	}
	r.names[r.count] = name
	r.count++
	return r.data[name.from:name.to], true, true
}

func (r *Reader) seen(name span) bool {
	for _, other := range r.names[:r.count] {
		if bytes.Equal(r.data[other.from:other.to], r.data[name.from:name.to]) {
			return true
		}
	}
	return false
}

// Value reads the value of the member whose name was read last, and returns it as it is written. ok is as for Name.
func (r *Reader) Value() (value []byte, ok bool) {
	r.blank()
	start, end := r.at, 0
	switch c := r.peek(); {
	case c == '"':
		end = r.text()
	case c == 't':
		end = r.word("true")
	case c == 'f':
		end = r.word("false")
	case digit(c):
		end = r.number()
	}
	r.at = end
	r.blank()
	if c := r.peek(); end == 0 || c != ',' && c != '}' {
		return nil, false
	}
	r.at = end
	r.values++
	return r.data[start:end], true
}

// take reads a character, with the white space before it, if it is the next one.
func (r *Reader) take(c byte) bool {
	r.blank()
	if r.peek() != c {
		return false
	}
	r.at++
	return true
}

// peek returns the next byte, 0 where there is none.
func (r *Reader) peek() byte {
	if r.at < len(r.data) {
		return r.data[r.at]
	}
	return 0
}

// blank skips white space (RFC 8259, section 2).
func (r *Reader) blank() {
	for c := r.peek(); c == ' ' || c == '\t' || c == '\n' || c == '\r'; c = r.peek() {
		r.at++
	}
}

// text returns the end of the string that begins here; 0: there is no plain one.
func (r *Reader) text() int {
	if r.peek() != '"' {
		return 0
	}
	start := r.at + 1
	length := bytes.IndexByte(r.data[start:], '"')
	if length < 0 || !plain(r.data[start:start+length]) {
		return 0
	}
	return start + length + 1
}

// Plain reports whether a character is ASCII and stands for itself in a JSON string.
func Plain(c byte) bool { return ' ' <= c && c < 0x80 && c != '"' && c != '\\' }

// plain reports whether all of text but its quotes, of which it has none, is Plain: eight characters at a time, because a token is long.
func plain(text []byte) bool {
	const (
		ones  = 0x0101010101010101
		highs = 0x80 * ones
	)
	for ; len(text) >= 8; text = text[8:] {
		x := binary.LittleEndian.Uint64(text)
		backslash := x ^ '\\'*ones
		// The highest bit of the lowest byte that is not ASCII, below a blank, or a backslash is set, and none where there is no such byte.
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

func (r *Reader) word(word string) int {
	if bytes.HasPrefix(r.data[r.at:], []byte(word)) {
		return r.at + len(word)
	}
	return 0
}

// number returns the end of the whole number that begins here; 0: it is too long, or has leading zeros.
func (r *Reader) number() int {
	end := r.at
	for end < len(r.data) && digit(r.data[end]) {
		end++
	}
	if digits := end - r.at; digits > maxDigits || digits > 1 && r.data[r.at] == '0' {
		return 0
	}
	return end
}

func digit(c byte) bool { return '0' <= c && c <= '9' }
