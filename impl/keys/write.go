package keys

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/owner"
)

// Change returns the set that takes the place of the one in a file. A nil set stands for a file
// that does not exist.
type Change func(*jwk.Set) (*jwk.Set, error)

const lockPause = 20 * time.Millisecond

// Edit changes the keys in a file. It fails if the file cannot be read, if change fails, or if
// another writer holds the lock until ctx ends. Readers see either the old file or the new one,
// also after a crash, and each of several writers sees the changes of those before it. Only the
// owner of the file can read it (mode 0600).
//
// The new file is written under the name PATH.lock, which only one writer at a time can create, and
// then renamed. Git writes its index in the same way.
func Edit(ctx context.Context, path string, allowWeak bool, change Change) error {
	path, err := target(path)
	if err != nil {
		return err
	}
	next, err := lock(ctx, path)
	if err != nil {
		return err
	}
	if err := errors.Join(rewrite(next, path, allowWeak, change), next.Close()); err != nil {
		return errors.Join(err, os.Remove(next.Name()))
	}
	if err := os.Rename(next.Name(), path); err != nil {
		return errors.Join(err, os.Remove(next.Name()))
	}
	return syncFolder(filepath.Dir(path))
}

// Load returns the keys in a file.
func Load(path string, allowWeak bool) (*jwk.Set, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	return jwk.ParseSet(data, allowWeak)
}

// target follows symbolic links, so that the file is replaced, and not the link.
func target(path string) (string, error) {
	resolved, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		return path, nil
	}
	return resolved, err
}

// lock creates the new file, which is also the lock. It fails if the lock is held until ctx ends.
func lock(ctx context.Context, path string) (*os.File, error) {
	name := path + ".lock"
	for {
		//nolint:gosec // the operator names the file
		file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if !errors.Is(err, fs.ErrExist) {
			return file, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("another command is changing the keys; if none runs, remove %s",
				name)
		case <-time.After(lockPause):
		}
	}
}

// rewrite writes the changed keys to the new file.
func rewrite(next *os.File, path string, allowWeak bool, change Change) error {
	set, err := Load(path, allowWeak)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if set, err = change(set); err != nil {
		return err
	}
	data, err := set.MarshalPrivate()
	if err != nil {
		return err
	}
	if _, err := next.Write(data); err != nil {
		return err
	}
	return errors.Join(owner.Keep(next, path), next.Sync())
}

// syncFolder makes the rename survive a power failure.
func syncFolder(path string) error {
	folder, err := os.Open(path) //nolint:gosec // the operator names the file
	if err == nil {
		err = errors.Join(folder.Sync(), folder.Close())
	}
	return err
}
