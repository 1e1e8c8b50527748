//go:build unix

package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// keepOwner gives the new file to the owner of the old one: a store that root restores must stay
// readable for the user of the server. It fails if the owner cannot be set.
func keepOwner(next *os.File, path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	old, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(old.Uid) == os.Geteuid() {
		return nil
	}
	if err := next.Chown(int(old.Uid), int(old.Gid)); err != nil {
		return fmt.Errorf("the new file cannot be given to the owner of the old one: %w", err)
	}
	return nil
}
