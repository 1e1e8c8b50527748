package token

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"kalsel.dev/refresh/impl/flatjson"
)

// maxDepth bounds how deep custom claims may nest.
const maxDepth = 64

// members reads one JSON object member by member, as strictly as RFC 7493 (I-JSON): valid UTF-8, no name twice at any
// depth, no number beyond a float64, nothing after the object. It reads by hand as far as that goes, and else with jsontext: the
// outcome is the same (FuzzByHand).
type members struct {
	data    []byte
	flat    flatjson.Reader
	byHand  bool // flat has read everything so far
	end     int  // offset in data of the end of the value read last
	source  bytes.Buffer
	decoder jsontext.Decoder
	quoted  []byte // the name as written
	name    []byte // room for a name that has escapes, without them
	content []byte
}

func (m *members) open(data []byte) error {
	m.data = data
	if m.byHand = m.flat.Open(data); m.byHand {
		return nil
	}
	return m.takeOver()
}

// takeOver has jsontext read everything, beginning with what was read by hand.
func (m *members) takeOver() error {
	m.byHand = false
	m.source = *bytes.NewBuffer(m.data)
	m.decoder.Reset(&m.source)
	if t, err := m.decoder.ReadToken(); err != nil || t.Kind() != '{' {
		return ErrMalformed
	}
	for range m.flat.Tokens() {
		if err := m.decoder.SkipValue(); err != nil {
			return ErrMalformed
		}
	}
	return nil
}

// next returns the next member's name, valid until its value is read; false at the object's end.
func (m *members) next() ([]byte, bool, error) {
	if m.byHand {
		quoted, more, ok := m.flat.Name()
		switch {
		case ok && more:
			m.quoted = quoted
			return quoted[1 : len(quoted)-1], true, nil
		case ok:
			return nil, false, nil
		}
		if err := m.takeOver(); err != nil {
			return nil, false, err
		}
	}
	if m.decoder.PeekKind() == '}' {
		return nil, false, m.close()
	}
	raw, err := m.decoder.ReadValue()
	if err != nil {
		return nil, false, ErrMalformed
	}
	m.quoted = raw
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1], true, nil
	}
	m.name, err = unquote(m.name[:0], raw)
	return m.name, true, err
}

func (m *members) close() error {
	if _, err := m.decoder.ReadToken(); err != nil {
		return ErrMalformed
	}
	if _, err := m.decoder.ReadToken(); !errors.Is(err, io.EOF) {
		return ErrMalformed
	}
	return nil
}

// value returns the member's value as it is written.
func (m *members) value() (jsontext.Value, error) {
	if m.byHand {
		if v, ok := m.flat.Value(); ok {
			m.end = m.flat.Offset()
			return v, nil
		}
		if err := m.takeOver(); err != nil {
			return nil, err
		}
	}
	v, err := m.decoded()
	m.end = int(m.decoder.InputOffset())
	return v, err
}

func (m *members) decoded() (jsontext.Value, error) {
	if k := m.decoder.PeekKind(); k == '{' || k == '[' {
		return m.nested()
	}
	v, err := m.decoder.ReadValue()
	if err != nil || v.Kind() == '0' && !fitsFloat(v) {
		return nil, ErrMalformed
	}
	return v, nil
}

func (m *members) nested() (jsontext.Value, error) {
	outer, start := m.decoder.StackDepth(), -1
	for {
		t, err := m.decoder.ReadToken()
		if err != nil || m.decoder.StackDepth() > maxDepth {
			return nil, ErrMalformed
		}
		if start < 0 {
			start = int(m.decoder.InputOffset()) - 1
		}
		if t.Kind() == '0' && !fitsFloat([]byte(t.String())) {
			return nil, ErrMalformed
		}
		if m.decoder.StackDepth() == outer {
			return m.data[start:m.decoder.InputOffset()], nil
		}
	}
}

// string reads a value that must be a string; it is valid until the next call.
func (m *members) string() ([]byte, error) {
	v, err := m.value()
	if err != nil || v.Kind() != '"' {
		return nil, ErrMalformed
	}
	m.content, err = unquote(m.content[:0], v)
	return m.content, err
}

// strings reads a value that must be an array of strings.
func (m *members) strings() ([]string, error) {
	v, err := m.value()
	if err != nil || v.Kind() != '[' {
		return nil, ErrMalformed
	}
	return stringsOf(v)
}

// bool reads a value that must be true or false.
func (m *members) bool() (bool, error) {
	v, err := m.value()
	if err != nil || v.Kind() != 't' && v.Kind() != 'f' {
		return false, ErrMalformed
	}
	return v.Kind() == 't', nil
}

func unquote(dst, quoted []byte) ([]byte, error) {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return append(dst, quoted[1:len(quoted)-1]...), nil
	}
	dst, err := jsontext.AppendUnquote(dst, quoted)
	if err != nil {
		return dst, ErrMalformed
	}
	return dst, nil
}

// stringsOf reads a string or an array of strings.
func stringsOf(v jsontext.Value) ([]string, error) {
	if v.Kind() == '"' {
		s, err := unquote(nil, v)
		return []string{string(s)}, err
	}
	d := jsontext.NewDecoder(bytes.NewBuffer(v))
	var all []string
	for {
		switch t, err := d.ReadToken(); {
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil:
			return nil, ErrMalformed
		case t.Kind() == '"':
			all = append(all, t.String())
		case d.StackDepth() > 1 || t.Kind() != '[' && t.Kind() != ']':
			return nil, ErrMalformed
		}
	}
}

// fitsFloat: a number that overflows a float64 would be refused by most that read the minted token.
func fitsFloat(number []byte) bool {
	if len(number) < 300 && bytes.IndexByte(number, 'e') < 0 && bytes.IndexByte(number, 'E') < 0 {
		return true
	}
	_, err := strconv.ParseFloat(string(number), 64)
	return err == nil
}

// lower reports whether the name has only a-z, 0-9 and _, so that it folds to no known name but itself.
func lower(name []byte) bool {
	for _, c := range name {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return true
}

// folds reports whether the name is one of the known ones but for its case, which encoding/json would take for that one.
func folds(name []byte, known ...string) bool {
	for _, k := range known {
		if strings.EqualFold(string(name), k) {
			return true
		}
	}
	return false
}
