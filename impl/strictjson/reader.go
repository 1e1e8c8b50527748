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

// Reader reads one JSON object, member by member. It reads plain objects by hand (see flat) and
// continues with jsontext at the first member that is not plain; the outcome is the same
// (FuzzReader). The zero value is ready for Open. Names and values share the memory of the data.
type Reader struct {
	// Name is the name of the member that Next has read, without escapes, and Quoted is the same as
	// it is written.
	Name, Quoted []byte
	// Value is the value of the member as it is written, and End the offset after it.
	Value jsontext.Value
	End   int

	data []byte
	flat flat
	json *tokenizer // nil while flat reads
	done bool       // the object has ended
	err  error
	// lenient turns off the checks of names, depth and numbers for a Body, which reports such
	// faults in its own words.
	lenient bool
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
	r.data, r.done, r.err = data, false, nil
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
	for range r.flat.count * 2 {
		if err == nil {
			err = r.json.SkipValue()
		}
	}
	return err
}

// Next reads the next member into the fields of r. It returns false at the end of the object, and
// after an error.
func (r *Reader) Next() bool {
	if r.json == nil {
		if more, ok := r.flat.next(); ok {
			if more {
				name, value := r.flat.names[r.flat.count-1], r.flat.value
				r.Quoted, r.Name = r.data[name.from:name.to], r.data[name.from+1:name.to-1]
				r.Value, r.End = r.data[value.from:value.to], value.to
			}
			return more
		}
		r.err = r.takeOver()
	}
	if r.done || r.err != nil {
		return false
	}
	if r.done = r.json.PeekKind() == '}'; r.done {
		if _, r.err = r.json.ReadToken(); r.err == nil {
			r.err = r.trailing()
		}
		return false
	}
	if r.Quoted, r.err = r.json.ReadValue(); r.err != nil {
		return false
	}
	if r.Name, r.err = Unquote(r.Quoted); r.err != nil {
		return false
	}
	if kind := r.json.PeekKind(); !r.lenient && (kind == '{' || kind == '[') {
		r.Value, r.err = r.nested()
	} else {
		r.Value, r.err = r.json.ReadValue()
	}
	if r.err == nil && !r.lenient && r.Value.Kind() == '0' && !fitsFloat(r.Value) {
		r.err = ErrRange
	}
	r.End = int(r.json.InputOffset())
	return r.err == nil
}

// Err returns the error that made Next return false. It is nil if the object has ended, and
// ErrTrailing if more than white space follows the object.
func (r *Reader) Err() error { return r.err }

// trailing returns ErrTrailing if more than white space follows the value that was read.
func (r *Reader) trailing() error {
	if len(trimBlank(r.data[r.json.InputOffset():])) > 0 {
		return ErrTrailing
	}
	return nil
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
