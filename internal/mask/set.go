package mask

import (
	"encoding/binary"
	"regexp"
	"slices"
	"sort"
	"strings"
)

// A set is an immutable collection of patterns, built for searching. Its nil
// pointer is the empty set.
type set struct {
	patterns []string // sorted, distinct, of 2 to maxPattern bytes
	parents  []int32  // of each, the longest other that is a prefix of it; -1 if none
	longest  int      // length of the longest
	regexps  []*regexp.Regexp

	// Filters over the start of patterns: a bit that is not set tells that no
	// pattern starts so.
	pairs bits // the first two bytes
	short bits // the first two of patterns that have no four
	quads bits // a hash of the first four
}

// bits is a set of 16-bit numbers.
type bits [1 << 10]uint64

func (b *bits) add(i uint16)      { b[i>>6] |= 1 << (i & 63) }
func (b *bits) has(i uint16) bool { return b[i>>6]&(1<<(i&63)) != 0 }

// quad hashes four bytes.
func quad(b []byte) uint16 {
	return uint16(binary.LittleEndian.Uint32(b) * 0x9E3779B1 >> 16)
}

// with returns a set that has the given patterns and expression too.
func (s *set) with(patterns []string, re *regexp.Regexp) *set {
	n := &set{}
	if s != nil {
		*n = *s
	}
	if re != nil {
		n.regexps = append(slices.Clip(n.regexps), re)
	}
	if len(patterns) == 0 {
		return n
	}
	slices.Sort(patterns)
	n.patterns = merge(n.patterns, patterns)
	n.parents = parents(n.patterns)
	for _, p := range patterns {
		n.longest = max(n.longest, len(p))
		start := uint16(p[0])<<8 | uint16(p[1])
		n.pairs.add(start)
		if len(p) < 4 {
			n.short.add(start)
		} else {
			n.quads.add(quad([]byte(p[:4])))
		}
	}
	return n
}

// merge joins two sorted lists into one without duplicates.
func merge(a, b []string) []string {
	out := make([]string, 0, len(a)+len(b))
	for len(a) > 0 || len(b) > 0 {
		var next string
		if len(b) == 0 || len(a) > 0 && a[0] <= b[0] {
			next, a = a[0], a[1:]
		} else {
			next, b = b[0], b[1:]
		}
		if len(out) == 0 || out[len(out)-1] != next {
			out = append(out, next)
		}
	}
	return out
}

// parents finds for each of the sorted patterns its longest proper prefix
// among them. In sorted order that is on the chain of the one before.
func parents(patterns []string) []int32 {
	out := make([]int32, len(patterns))
	for i, p := range patterns {
		parent := int32(i) - 1
		for parent >= 0 && !strings.HasPrefix(p, patterns[parent]) {
			parent = out[parent]
		}
		out[i] = parent
	}
	return out
}

// find returns the first match in b from offset from on, and the longest one
// that starts there; start is -1 if there is none.
func (s *set) find(b []byte, from int) (start, end int) {
	if len(s.patterns) == 0 || from+1 >= len(b) {
		return -1, -1
	}
	pair := uint16(b[from])
	for i, next := range b[from+1:] {
		pair = pair<<8 | uint16(next)
		if !s.pairs.has(pair) {
			continue
		}
		at := from + i
		if n := s.matchAt(b[at:], pair); n > 0 {
			return at, at + n
		}
	}
	return -1, -1
}

// matchAt returns the length of the longest pattern that b starts with, 0 if
// none does. The first two bytes of b are pair.
func (s *set) matchAt(b []byte, pair uint16) int {
	if len(b) >= 4 && !s.quads.has(quad(b)) && !s.short.has(pair) {
		return 0
	}
	// A pattern that b starts with sorts before b, and whatever sorts between
	// the two starts with it too. So it is on the chain of b's predecessor.
	for i := s.after(b) - 1; i >= 0; i = int(s.parents[i]) {
		if p := s.patterns[i]; len(p) <= len(b) && p == string(b[:len(p)]) {
			return len(p)
		}
	}
	return 0
}

// after returns the position of the first pattern that sorts after b.
func (s *set) after(b []byte) int {
	b = b[:min(len(b), s.longest)]
	return sort.Search(len(s.patterns), func(i int) bool { return s.patterns[i] > string(b) })
}

// matches says whether there is anything to mask in b.
func (s *set) matches(b []byte) bool {
	if start, _ := s.find(b, 0); start >= 0 {
		return true
	}
	return len(s.regexps) > 0 && len(s.matchLines(b)) > 0
}
