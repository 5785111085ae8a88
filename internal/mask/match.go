package mask

import (
	"bytes"
	"cmp"
	"slices"
)

// A match is a part of a text, from start to before end, that must be masked.
type match struct{ start, end int }

// mask returns a copy of b with all secrets masked.
func (s *set) mask(b []byte) []byte {
	out := make([]byte, 0, len(b))
	at := 0       // b[:at] is done
	open := false // out ends with a ***, and a match that touches it needs no other
	regexps := s.matchLines(b)
	start, end := s.find(b, 0)
	for {
		var m match
		switch {
		case len(regexps) > 0 && (start < 0 || regexps[0].start < start):
			m, regexps = regexps[0], regexps[1:]
		case start >= 0:
			m = match{start, end}
			start, end = s.find(b, start+1)
		default:
			return append(out, b[at:]...)
		}
		if m.end <= at {
			continue
		}
		if m.start > at {
			out, open = append(out, b[at:m.start]...), false
		}
		if !open {
			out = append(out, replacement...)
		}
		at, open = m.end, true
	}
}

// matchLines returns what the regular expressions match in the lines of b,
// ordered by start.
func (s *set) matchLines(b []byte) []match {
	if len(s.regexps) == 0 {
		return nil
	}
	var out []match
	offset := 0
	for line := range bytes.Lines(b) {
		text := bytes.TrimSuffix(line, []byte("\n"))
		for _, re := range s.regexps {
			for _, m := range re.FindAllIndex(text, -1) {
				if m[0] < m[1] {
					out = append(out, match{offset + m[0], offset + m[1]})
				}
			}
		}
		offset += len(line)
	}
	slices.SortFunc(out, func(a, b match) int { return cmp.Compare(a.start, b.start) })
	return out
}
