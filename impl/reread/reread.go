// Package reread keeps the value of a file that may change at any time.
package reread

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// every is how long a change of a file may go unnoticed.
const every = time.Second

// Config is the configuration of a File. All fields are required.
type Config[T any] struct {
	// Path is the path of the file.
	Path string
	// Content names the content in log lines, such as "API credentials".
	Content string
	// Parse returns the value of a content. Its errors must not hold any part of a secret.
	Parse func(content string) (T, error)
	Now   func() time.Time
	Log   *slog.Logger
}

// File is a file that is read again when it changes. If it then cannot be used, the value that was
// read before stays in force. File is safe for concurrent use.
type File[T any] struct {
	c Config[T]

	mu      sync.Mutex
	read    time.Time // the last time at which the file was read again; zero before
	content []byte
	failure string // of the last reading
	value   T
}

// Open reads the file. It fails if the file cannot be read, or if Parse fails.
func Open[T any](c Config[T]) (*File[T], error) {
	f := &File[T]{c: c}
	var err error
	if f.content, err = os.ReadFile(c.Path); err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	if f.value, err = c.Parse(string(f.content)); err != nil {
		return nil, fmt.Errorf("%s: %w", c.Path, err)
	}
	return f, nil
}

// Value returns the value in force. It reads the file if the last reading is a second old.
func (f *File[T]) Value() T {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.c.Now()
	if since := now.Sub(f.read); since >= every || since < 0 {
		f.read = now
		f.reload()
	}
	return f.value
}

// Reload reads the file now.
func (f *File[T]) Reload() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.read = f.c.Now()
	f.reload()
}

// reload reads the file, and parses it if its content has changed. The caller holds the lock.
func (f *File[T]) reload() {
	content, err := os.ReadFile(f.c.Path)
	if err == nil && bytes.Equal(content, f.content) {
		f.failure = ""
		return
	}
	var value T
	if err == nil {
		value, err = f.c.Parse(string(content))
	}
	if err != nil {
		if f.failure != err.Error() {
			f.c.Log.Error("A file cannot be used; its earlier content stays in force",
				"content", f.c.Content, "path", f.c.Path, "error", err)
		}
		f.failure = err.Error()
		return
	}
	f.c.Log.Info("A file was read again", "content", f.c.Content, "path", f.c.Path)
	f.content, f.value, f.failure = content, value, ""
}
