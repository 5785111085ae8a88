package worker

import "unicode/utf8"

// validText returns line with each part that is not UTF-8 replaced. Scratch
// is used, and grown, only if there is one.
func validText(line []byte, scratch *[]byte) []byte {
	if utf8.Valid(line) {
		return line
	}
	out := (*scratch)[:0]
	for len(line) > 0 {
		r, size := utf8.DecodeRune(line)
		if r == utf8.RuneError && size == 1 {
			size = invalid(line)
		}
		out = utf8.AppendRune(out, r)
		line = line[size:]
	}
	*scratch = out
	return out
}

// validString is validText for a string.
func validString(text string) string {
	if utf8.ValidString(text) {
		return text
	}
	var scratch []byte
	return string(validText([]byte(text), &scratch))
}

// invalid is how many bytes one replacement stands for where line is not UTF-8: the
// beginning of a character whose end is missing, as far as it goes, else one byte. See
// "U+FFFD Substitution of Maximal Subparts" in the Unicode standard.
func invalid(line []byte) int {
	low, high, length := byte(0x80), byte(0xBF), 0
	switch c := line[0]; {
	case c >= 0xC2 && c <= 0xDF:
		length = 2
	case c >= 0xE0 && c <= 0xEF:
		length = 3
	case c >= 0xF0 && c <= 0xF4:
		length = 4
	}
	switch line[0] { // forms that are too long, surrogates, and beyond Unicode
	case 0xE0:
		low = 0xA0
	case 0xED:
		high = 0x9F
	case 0xF0:
		low = 0x90
	case 0xF4:
		high = 0x8F
	}
	n := 1
	for n < length && n < len(line) && line[n] >= low && line[n] <= high {
		low, high = 0x80, 0xBF
		n++
	}
	return n
}
