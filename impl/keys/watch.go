package keys

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// maxSet is the size of the largest JWK Set, in bytes: hundreds of keys.
const maxSet = 256 << 10

// pace is how often things are done.
type pace struct {
	poll     time.Duration // look at a file
	refresh  time.Duration // ask the issuer
	retry    time.Duration // ask the issuer after a failure
	cooldown time.Duration // at least, between an answer of the issuer and the next question; shorter than patience
	patience time.Duration // at most, to hold a request until the answer is there
	fetch    time.Duration // at most, for one answer of the issuer, all told
}

func defaultPace() pace {
	return pace{
		poll: time.Second, refresh: 5 * time.Minute, retry: 15 * time.Second, cooldown: time.Second, patience: 2 * time.Second,
		fetch: 5 * time.Second,
	}
}

// watched is a file that is read again and again. It is always read whole, which takes microseconds: no modification time, size or
// inode, and no way in which symbolic links are swapped, can then hide a change.
type watched struct {
	path    string
	content []byte
	failure string
}

// read returns the file's content, and whether that, or the reason why there is none, differs from the last time.
func (w *watched) read() (data []byte, changed bool, err error) {
	data, err = readFile(w.path)
	if err != nil {
		changed = w.failure != err.Error()
		w.failure = err.Error()
		return nil, changed, err
	}
	changed = w.content == nil || !bytes.Equal(w.content, data)
	w.content, w.failure = data, ""
	return data, changed, nil
}

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

func (s *Source) follow(ctx context.Context) {
	for {
		s.look(false)
		select {
		case <-ctx.Done():
			return
		case <-time.After(s.pace.poll):
		}
	}
}

// Reload reads the files now, changed or not, and asks the issuer anew.
func (s *Source) Reload() {
	s.look(true)
	if s.remote != nil {
		s.remote.ask()
	}
}

// look takes into use what has changed in the files; with always, also what has not.
func (s *Source) look(always bool) {
	s.looking.Lock()
	defer s.looking.Unlock()
	if err := lookAt(s.file, always, s.parseOwn); err != nil {
		s.c.Log.Error("the keys could not be reloaded: those in use stay in use", "path", s.file.path, "error", err)
	}
	if err := lookAt(s.issuerFile, always, s.parseTheirs); err != nil {
		s.c.Log.Error("the issuer's keys could not be read: those known stay in use", "path", s.issuerFile.path, "error", err)
	}
}

// lookAt returns an error once, and not again while nothing changes.
func lookAt(w *watched, always bool, use func([]byte) error) error {
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
