package gitrepo

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// A report takes what receive-pack answers. Progress goes to the client as it
// comes, once the client has sent everything; the result is held until the
// push is recorded, because it is what tells the client that its push is safe.
type report struct {
	w    io.Writer
	sent <-chan struct{} // closed when the request has been read
	size int
	held []packet
}

const maxReport = 16 << 20

const (
	bandData     = 1
	bandProgress = 2
)

// read takes packets until git closes its output.
func (r *report) read(from io.Reader) error {
	in := bufio.NewReaderSize(from, 64<<10)
	for {
		p, err := readPacket(in)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if r.mayPass(p) {
			_, _ = r.w.Write(p) // a client that is gone does not stop the push
			continue
		}
		if r.size += len(p); r.size > maxReport {
			return fmt.Errorf("git's answer is larger than %d bytes", maxReport)
		}
		r.held = append(r.held, p)
	}
}

// mayPass tells whether p is progress, or a sign of life, and the client is
// ready for it.
func (r *report) mayPass(p packet) bool {
	if p.special() || len(p) < 5 {
		return false
	}
	band := p.payload()[0]
	if band != bandProgress && (band != bandData || len(p) > 5) {
		return false
	}
	select {
	case <-r.sent:
		return true
	default:
		return false
	}
}

// flush writes what was held, with our reasons in place of git's words for a
// hook that says no.
func (r *report) flush(reasons map[string]string) error {
	var data []byte // what is in band 1: packets again
	out := bufio.NewWriter(r.w)
	for _, p := range r.held {
		switch {
		case !p.special() && len(p) > 4 && p.payload()[0] == bandData:
			data = append(data, p.payload()[1:]...)
			continue
		case !p.special() && len(p) > 4 && p.payload()[0] > 3:
			p = withReason(p, reasons)
		case p.special():
			writeBand(out, data, reasons)
			data = nil
		}
		_, _ = out.Write(p) // Flush gives the error
	}
	writeBand(out, data, reasons)
	return out.Flush()
}

// writeBand writes packets inside of packets of band 1.
func writeBand(w *bufio.Writer, data []byte, reasons map[string]string) {
	var inner []byte
	in := bufio.NewReader(bytes.NewReader(data))
	for {
		p, err := readPacket(in)
		if err != nil {
			break
		}
		inner = append(inner, withReason(p, reasons)...)
	}
	for len(inner) > 0 {
		n := min(len(inner), maxPacket-5)
		_, _ = w.Write(pktLine(append([]byte{bandData}, inner[:n]...)))
		inner = inner[n:]
	}
}

// withReason rewrites "ng REF pre-receive hook declined".
func withReason(p packet, reasons map[string]string) packet {
	if p.special() {
		return p
	}
	text, ok := strings.CutPrefix(strings.TrimSuffix(string(p.payload()), "\n"), "ng ")
	if !ok {
		return p
	}
	ref, why, _ := strings.Cut(text, " ")
	reason, ok := reasons[ref]
	if !ok || why != "pre-receive hook declined" {
		return p
	}
	reason = strings.ReplaceAll(printable(reason), "\n", " ")
	return pktLine([]byte("ng " + ref + " " + reason[:min(len(reason), 1000)] + "\n"))
}
