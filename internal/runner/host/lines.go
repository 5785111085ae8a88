package host

import (
	"bytes"
	"io"
)

const (
	// maxLine bounds one line of output; the rest is left out.
	maxLine = 16 << 20
	// cutMargin is what a cut line loses before the bound, so that no part
	// of a secret that straddles the bound is shown.
	cutMargin = 64 << 10
	// cutNotice ends a line that was cut.
	cutNotice = " [line cut: longer than 16 MiB]"
)

// readLines reads r to its end and passes on batches of whole lines, each
// batch ending in a line break except perhaps the last. A carriage return ends
// a line, too. The batch is only valid during the call; buf is the first
// buffer to use and grows for long lines.
func readLines(r io.Reader, buf []byte, emit func(batch []byte)) {
	end := 0          // buf[:end] is read and not passed on
	skipping := false // in the part of a line that is beyond maxLine
	for {
		n, err := r.Read(buf[end:])
		fresh := buf[end : end+n]
		if skipping {
			i := bytes.IndexByte(fresh, '\n')
			if i < 0 {
				n = 0
			} else {
				n = copy(buf[end:], fresh[i+1:])
				skipping = false
			}
			fresh = buf[end : end+n]
		}
		cut := lastBreak(fresh)
		end += n
		if cut > 0 {
			cut += end - n
			emit(buf[:cut])
			end = copy(buf, buf[cut:end])
		}
		if err != nil {
			if end > 0 {
				emit(buf[:end])
			}
			return
		}
		if end == len(buf) && !skipping {
			if end < maxLine {
				buf = append(buf, make([]byte, min(len(buf), maxLine-len(buf)))...)
				continue
			}
			line := append(buf[:end-cutMargin], cutNotice+"\n"...)
			emit(line)
			end, skipping = 0, true
		}
	}
}

// lastBreak returns the length of the part of b that ends with its last line
// break, 0 if it has none. A carriage return as the very last byte does not
// count, for a line feed may follow.
func lastBreak(b []byte) int {
	if i := bytes.LastIndexByte(b, '\n'); i >= 0 {
		tail := b[i+1:]
		if len(tail) == 0 {
			return len(b)
		}
		return i + 1 + lastReturn(tail)
	}
	return lastReturn(b)
}

func lastReturn(b []byte) int {
	if len(b) == 0 {
		return 0
	}
	return bytes.LastIndexByte(b[:len(b)-1], '\r') + 1
}

// CutLine splits the first line off a batch of output, see [Process]. A line
// feed, a carriage return, or both together end a line.
func CutLine(batch []byte) (line, rest []byte) {
	line, rest, _ = bytes.Cut(batch, []byte{'\n'})
	j := bytes.IndexByte(line, '\r')
	switch {
	case j < 0:
		return line, rest
	case j == len(line)-1:
		return line[:j], rest
	default:
		return line[:j], batch[j+1:]
	}
}
