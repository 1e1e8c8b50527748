package keys

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// maxSet is the size of the largest JWK Set that is read, in bytes: hundreds of keys.
const maxSet = 256 << 10

// watchedFile is a file that is read again and again. It is always read whole, which takes
// microseconds. So no modification time, size or inode, and no swap of symbolic links, can hide a
// change.
type watchedFile struct {
	path    string
	content []byte
	failure string
}

// load passes the content of the file to use if it has changed, or always if always is set. It
// returns the error of reading or of use, but the same error of reading only once. A nil file has
// no content.
func (w *watchedFile) load(always bool, use func([]byte) error) error {
	if w == nil {
		return nil
	}
	data, changed, err := w.read()
	switch {
	case !changed && !always:
		return nil
	case err != nil:
		return err
	}
	return use(data)
}

// read returns the content of the file. changed reports whether the content, or the reason why the
// file cannot be read, differs from the last time.
func (w *watchedFile) read() (data []byte, changed bool, err error) {
	data, err = readFile(w.path)
	if err != nil {
		changed = w.failure != err.Error()
		w.failure = err.Error()
		return nil, changed, err
	}
	changed = !bytes.Equal(w.content, data) // data is never empty
	w.content, w.failure = data, ""
	return data, changed, nil
}

// readFile reads a whole file. It fails if the file is empty or larger than maxSet.
func readFile(path string) ([]byte, error) {
	file, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxSet+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxSet {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, maxSet)
	}
	if len(data) == 0 {
		return nil, errors.New(path + " is empty")
	}
	return data, nil
}
