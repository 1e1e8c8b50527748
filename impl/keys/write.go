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
)

// Change makes a new set of the one that a file holds; nil stands for a file that does not exist.
type Change func(*jwk.Set) (*jwk.Set, error)

const lockPause = 20 * time.Millisecond

// Edit changes the keys in a file. Readers see the old file or the new one and nothing between, also after a crash; of
// several writers each sees what the one before it wrote. The file is readable for its owner alone (mode 0600).
//
// The new file is written beside the old one under the name PATH.lock, which only one writer at a time can create, and takes its
// place by a rename. (Git writes its index in the same way.)
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

// Load reads the keys in a file.
func Load(path string, allowWeak bool) (*jwk.Set, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	return jwk.ParseSet(data, allowWeak)
}

// target follows symbolic links, so that the file is replaced and not the link.
func target(path string) (string, error) {
	resolved, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		return path, nil
	}
	return resolved, err
}

func lock(ctx context.Context, path string) (*os.File, error) {
	name := path + ".lock"
	for {
		file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the operator names the file
		if !errors.Is(err, fs.ErrExist) {
			return file, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("another command is changing the keys; if none is running, remove %s", name)
		case <-time.After(lockPause):
		}
	}
}

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
	if err := keepOwner(next, path); err != nil {
		return err
	}
	return next.Sync()
}

// syncFolder makes the rename last through a power failure.
func syncFolder(path string) error {
	folder, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
