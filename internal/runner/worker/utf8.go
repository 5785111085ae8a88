package worker

import "unicode/utf8"

// validText returns line with every byte that is not UTF-8 replaced. Scratch
// is used, and grown, only if there is such a byte.
func validText(line []byte, scratch *[]byte) []byte {
	if utf8.Valid(line) {
		return line
	}
	out := (*scratch)[:0]
	for len(line) > 0 {
		r, size := utf8.DecodeRune(line)
		out = utf8.AppendRune(out, r)
		line = line[size:]
	}
	*scratch = out
	return out
}
