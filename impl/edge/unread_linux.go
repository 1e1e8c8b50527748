package edge

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// limitUnread returns a function that prepares a listening TCP socket: the kernel closes its
// connections if the peer leaves an answer unacknowledged, or does not read it, for longer than
// limit (RFC 9293 section 3.8.3, user timeout). Connections inherit this, so it costs a request
// nothing.
func limitUnread(limit time.Duration) func(network, address string, socket syscall.RawConn) error {
	return func(_, _ string, socket syscall.RawConn) error {
		var failure error
		err := socket.Control(func(fd uintptr) {
			const option = unix.TCP_USER_TIMEOUT // in milliseconds
			limit := int(limit.Milliseconds())
			failure = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, option, limit)
		})
		if err != nil {
			return err
		}
		return failure
	}
}
