//go:build linux

package main

import (
	"errors"
	"io"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// socket is a TCP connection that the open loop polls itself, outside Go's network poller.
type socket int

// dialBlocking connects; a read fails when nothing arrives within limit.
func dialBlocking(address string, limit time.Duration) (socket, error) {
	to, err := net.ResolveTCPAddr("tcp4", address)
	if err != nil {
		return -1, err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	timeout := unix.NsecToTimeval(limit.Nanoseconds())
	err = errors.Join(
		os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)),
		os.NewSyscallError("setsockopt", unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout)),
		os.NewSyscallError("connect", unix.Connect(fd, &unix.SockaddrInet4{Port: to.Port, Addr: [4]byte(to.IP.To4())})),
	)
	if err != nil {
		return -1, errors.Join(err, unix.Close(fd))
	}
	return socket(fd), nil
}

func (s socket) Read(to []byte) (int, error) {
	for {
		n, err := unix.Read(int(s), to)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return 0, os.NewSyscallError("read", err)
		case n == 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

func (s socket) Write(data []byte) (int, error) {
	written := 0
	for written < len(data) {
		n, err := unix.Write(int(s), data[written:])
		if err != nil && !errors.Is(err, unix.EINTR) {
			return written, os.NewSyscallError("write", err)
		}
		written += max(n, 0)
	}
	return written, nil
}

func (s socket) Close() error {
	return unix.Close(int(s))
}
