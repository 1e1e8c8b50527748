// Package logs has the log of a test. It imports nothing of the product, so the tests of every package
// can use it.
package logs

import (
	"bytes"
	"strings"
	"sync"
)

// Log collects the output of a process or of a logger. It can be read while more is written. The
// zero value is empty.
type Log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// String returns everything that was written so far.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// Contains reports whether the text was written.
func (l *Log) Contains(text string) bool { return strings.Contains(l.String(), text) }

// Tail returns the last 3000 bytes, for the message of a failed test.
func (l *Log) Tail() string {
	text := l.String()
	return text[max(0, len(text)-3000):]
}
