//go:build unix

// Package owner keeps the owner of a file that is replaced.
package owner

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// Keep gives the new file to the owner of the old one: a file that root replaces must stay readable
// for the user of the server. It fails if the owner cannot be set.
func Keep(next *os.File, path string) error {
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
