package server

import (
	"net"

	"golang.org/x/sys/unix"
)

// limitUnsent keeps the kernel from holding more than a piece that it has not sent.
// Otherwise it takes megabytes at once and then nothing for minutes, while a slow
// client reads all the time: see [progress]. Where the kernel cannot, a slow client
// may be given up.
func limitUnsent(c *net.TCPConn) {
	raw, err := c.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, 2*progressBytes)
	})
}
