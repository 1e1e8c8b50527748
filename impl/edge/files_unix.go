//go:build unix

package edge

import "golang.org/x/sys/unix"

// openFiles returns how many files this process may open.
func openFiles() uint64 {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 1024 // a usual limit
	}
	return uint64(limit.Cur) //nolint:unconvert // int64 on some systems
}
