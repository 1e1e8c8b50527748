//go:build unix

package keys_test

import (
	"os"
	"syscall"
	"testing"
)

func owner(tb testing.TB, path string) (uid, gid uint32) {
	info, err := os.Stat(path)
	stat := must(tb, info, err).Sys().(*syscall.Stat_t)
	return stat.Uid, stat.Gid
}
