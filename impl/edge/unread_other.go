//go:build !linux

package edge

import (
	"syscall"
	"time"
)

// limitUnread returns nil: only Linux has TCP_USER_TIMEOUT. Large answers have a deadline on every
// system; see exchange.Write.
func limitUnread(time.Duration) func(network, address string, socket syscall.RawConn) error {
	return nil
}
