// Package strictjson reads one JSON object, member by member, as strictly as RFC 7493 (I-JSON)
// demands: valid UTF-8, no name twice, nothing after the object. Token headers, claims and request
// bodies are read with it. It accepts no input that another JSON library could read differently.
package strictjson

import (
	"bytes"
	"errors"
	"strconv"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

// maxDepth is how deep the members of a strictly read object may nest.
const maxDepth = 64

// The faults that a Reader finds itself. Any other error of a Reader is a syntax error of jsontext.
var (
	ErrNotObject = errors.New("it is not a JSON object")
	ErrTrailing  = errors.New("it has data after the JSON value")
	ErrDepth     = errors.New("it is nested deeper than 64 levels")
	ErrRange     = errors.New("it has a number that no float64 can hold")
)

// Reader reads one JSON object. It reads plain objects by hand (see flat) and continues with
// jsontext at the first member that is not plain; the outcome is the same (FuzzReader). The zero
// value is ready for Open. Names and values share the memory of the data.
type Reader struct {
	data []byte
	flat flat
	json *tokenizer // nil while flat reads
	// lenient turns off the checks of names, depth and numbers for a Body, which reports such
	// faults in its own words.
	lenient bool
	quoted  []byte
	end     int
}

// tokenizer is a decoder together with the buffer that it reads from.
type tokenizer struct {
	jsontext.Decoder
	source bytes.Buffer
}

// tokenizers is a pool because a new tokenizer costs more than reading a small object with it.
//
//nolint:gochecknoglobals // a pool of scratch memory has no state that a caller could see
var tokenizers = sync.Pool{New: func() any { return new(tokenizer) }}

// Open starts to read data. It returns ErrNotObject if data does not start with an object.
func (r *Reader) Open(data []byte) error {
	r.data, r.end, r.quoted = data, 0, nil
	if !r.flat.open(data) {
		return ErrNotObject
	}
	return nil
}

// Close returns the tokenizer, if one was used, to its pool.
func (r *Reader) Close() {
	if r.json != nil {
		r.json.source = bytes.Buffer{}
		r.json.Reset(&r.json.source) // the pool must keep no reference to the data
		tokenizers.Put(r.json)
		r.json = nil
	}
}

// openTokenizer starts a tokenizer at the beginning of the data.
func (r *Reader) openTokenizer() {
	r.json = tokenizers.Get().(*tokenizer)
	r.json.source = *bytes.NewBuffer(r.data)
	r.json.Reset(&r.json.source, jsontext.AllowDuplicateNames(r.lenient))
}

// takeOver starts a tokenizer and moves it to the place where flat stopped.
func (r *Reader) takeOver() error {
	r.openTokenizer()
	_, err := r.json.ReadToken()
	for read := r.flat.tokens(); err == nil && read > 0; read-- {
		err = r.json.SkipValue()
	}
	return err
}

// Next reads the name of the next member, without escapes. more is false at the end of the object.
// The error is ErrTrailing if the object has ended and is not alone.
func (r *Reader) Next() (name []byte, more bool, err error) {
	if r.json == nil {
		quoted, more, ok := r.flat.name()
		if ok && !more {
			return nil, false, nil
		}
		if ok {
			r.quoted = quoted
			return quoted[1 : len(quoted)-1], true, nil
		}
		if err := r.takeOver(); err != nil {
			return nil, false, err
		}
	}
	if r.json.PeekKind() == '}' {
		if _, err := r.json.ReadToken(); err != nil {
			return nil, false, err
		}
		return nil, false, r.trailing()
	}
	if r.quoted, err = r.json.ReadValue(); err != nil {
		return nil, false, err
	}
	name, err = Unquote(r.quoted)
	return name, err == nil, err
}

// Member reads the next member, its name without escapes and its value as it is written. more is
// false at the end of the object.
func (r *Reader) Member() (name []byte, value jsontext.Value, more bool, err error) {
	if name, more, err = r.Next(); err != nil || !more {
		return nil, nil, false, err
	}
	value, err = r.Value()
	return name, value, err == nil, err
}

// trailing returns ErrTrailing if more than white space follows the value that was read.
func (r *Reader) trailing() error {
	if len(trimBlank(r.data[r.json.InputOffset():])) > 0 {
		return ErrTrailing
	}
	return nil
}

// Quoted returns the name that Next returned last as it is written, with its quotes.
func (r *Reader) Quoted() []byte { return r.quoted }

// End returns the offset after the value that Value returned last.
func (r *Reader) End() int { return r.end }

// Value reads the value of the member and returns it as it is written.
func (r *Reader) Value() (jsontext.Value, error) {
	if r.json == nil {
		if value, ok := r.flat.value(); ok {
			r.end = r.flat.at
			return value, nil
		}
		if err := r.takeOver(); err != nil {
			return nil, err
		}
	}
	var value jsontext.Value
	var err error
	if kind := r.json.PeekKind(); !r.lenient && (kind == '{' || kind == '[') {
		value, err = r.nested()
	} else {
		value, err = r.json.ReadValue()
	}
	if err == nil && !r.lenient && value.Kind() == '0' && !fitsFloat(value) {
		err = ErrRange
	}
	r.end = int(r.json.InputOffset())
	return value, err
}

// nested reads an object or array token by token, to bound its depth and its numbers.
func (r *Reader) nested() (jsontext.Value, error) {
	outer, start := r.json.StackDepth(), -1
	for {
		t, err := r.json.ReadToken()
		if err != nil {
			return nil, err
		}
		if r.json.StackDepth() > maxDepth {
			return nil, ErrDepth
		}
		if start < 0 {
			start = int(r.json.InputOffset()) - 1
		}
		if t.Kind() == '0' && !fitsFloat([]byte(t.String())) {
			return nil, ErrRange
		}
		if r.json.StackDepth() == outer {
			return r.data[start:r.json.InputOffset()], nil
		}
	}
}

// fitsFloat reports whether a float64 can hold the number. Most readers of a minted token would
// fail on a larger one.
func fitsFloat(number []byte) bool {
	if len(number) < 300 && bytes.IndexByte(number, 'e') < 0 && bytes.IndexByte(number, 'E') < 0 {
		return true
	}
	_, err := strconv.ParseFloat(string(number), 64)
	return err == nil
}

// trimBlank cuts the white space of JSON (RFC 8259 section 2) at the start of data.
func trimBlank(data []byte) []byte { return bytes.TrimLeft(data, " \t\r\n") }
