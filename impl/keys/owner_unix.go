//go:build unix

package keys

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// keepOwner gives the new file to the old one's owner: keys that root rotates must stay readable for the server's user.
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
		return fmt.Errorf("the file belongs to another user, who could not read a new one: %w", err)
	}
	return nil
}
