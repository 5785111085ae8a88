package gitrepo

import (
	"bufio"
	"errors"
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
	n, err := packetSize(head[:])
	if err != nil {
		return nil, err
	}
	p := make(packet, n)
	copy(p, head[:])
	if _, err := io.ReadFull(r, p[4:]); err != nil {
		return nil, io.ErrUnexpectedEOF
	}
	return p, nil
}

// peekPacket is readPacket without a copy, from a reader whose buffer holds any
// packet. The packet is good until the caller discards it.
func peekPacket(r *bufio.Reader) (packet, error) {
	head, err := r.Peek(4)
	if len(head) == 0 && errors.Is(err, io.EOF) {
		return nil, io.EOF
	}
	if err != nil {
		return nil, eofIsUnexpected(err)
	}
	n, err := packetSize(head)
	if err != nil {
		return nil, err
	}
	p, err := r.Peek(n)
	return p, eofIsUnexpected(err)
}

func eofIsUnexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// packetSize is how long a packet is, with its length.
func packetSize(head []byte) (int, error) {
	n, err := strconv.ParseUint(string(head), 16, 16)
	if err != nil || n > maxPacket || n == 3 {
		return 0, fmt.Errorf("bad pkt-line length %q", head)
	}
	return max(int(n), 4), nil
}
