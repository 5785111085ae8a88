package gitrepo

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
)

// A packet is one pkt-line of git's protocol with its length in front, as it
// is on the wire. Packets of length 0 (flush), 1 and 2 have no payload.
type packet []byte

const maxPacket = 65520

func (p packet) payload() []byte { return p[4:] }

// special tells whether the packet is a mark and not a line.
func (p packet) special() bool { return len(p) == 4 && p[3] < '4' }

// flushPacket ends a list.
var flushPacket = packet("0000")

// pktLine makes a packet of a payload that is short enough.
func pktLine(payload []byte) packet {
	return append(fmt.Appendf(nil, "%04x", len(payload)+4), payload...)
}

// readPacket reads the next packet; io.EOF where one could begin.
func readPacket(r *bufio.Reader) (packet, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n, err := strconv.ParseUint(string(head[:]), 16, 16)
	if err != nil || n > maxPacket || n == 3 {
		return nil, fmt.Errorf("bad pkt-line length %q", head)
	}
	p := make(packet, max(n, 4))
	copy(p, head[:])
	if _, err := io.ReadFull(r, p[4:]); err != nil {
		return nil, io.ErrUnexpectedEOF
	}
	return p, nil
}
