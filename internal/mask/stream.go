package mask

import (
	"bytes"
	"cmp"
	"slices"
)

// progress is where the masking of a stream stands between two pieces.
type progress struct {
	covered int  // bytes at the start of what was kept back that a *** already stands for
	open    bool // the last that was written is a ***, and a match that touches it needs no other
}

// A span is a match: a part of a text from start to before end.
type span struct{ start, end int }

// mask appends b to out with all secrets masked. Unless b is final it stops at
// the offset rest, from which the end of b has to be seen again with more.
func (s *set) mask(out, b []byte, p *progress, final bool) (masked []byte, rest int) {
	rest = len(b)
	if !final {
		rest = s.hold(b)
	}
	at, open := p.covered, p.open
	regexps := s.matchLines(b[:rest])
	start, end := s.find(b, 0)
	for {
		var m span
		switch {
		case len(regexps) > 0 && (start < 0 || regexps[0].start < start):
			m, regexps = regexps[0], regexps[1:]
		case start >= 0:
			m = span{start, end}
			start, end = s.find(b, start+1)
		default:
			m.start = rest
		}
		if m.start >= rest {
			break
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
	if at < rest {
		out, at, open = append(out, b[at:rest]...), rest, false
	}
	*p = progress{covered: at - rest, open: open}
	return out, rest
}

// whole masks a text that is complete.
func (s *set) whole(b []byte) []byte {
	out, _ := s.mask(make([]byte, 0, len(b)), b, &progress{}, true)
	return out
}

// maxLine is the length from which a line is masked before its end is known,
// where there are regular expressions.
const maxLine = 64 << 10

// hold returns the offset from which the end of b has to be kept back.
func (s *set) hold(b []byte) int {
	rest := s.undecided(b)
	if len(s.regexps) == 0 || len(b) >= maxLine {
		return rest
	}
	return bytes.LastIndexByte(b[:rest], '\n') + 1
}

// matchLines returns what the regular expressions match in the lines of b,
// ordered by start.
func (s *set) matchLines(b []byte) []span {
	if len(s.regexps) == 0 {
		return nil
	}
	var out []span
	offset := 0
	for line := range bytes.Lines(b) {
		text := bytes.TrimSuffix(line, []byte("\n"))
		for _, re := range s.regexps {
			for _, m := range re.FindAllIndex(text, -1) {
				if m[0] < m[1] {
					out = append(out, span{offset + m[0], offset + m[1]})
				}
			}
		}
		offset += len(line)
	}
	slices.SortFunc(out, func(a, b span) int { return cmp.Compare(a.start, b.start) })
	return out
}
