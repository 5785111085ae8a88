package worker

import (
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// A glob is one line of the patterns of hashFiles (EXP-12). Patterns are
// matched segment by segment, so that a walk of a directory tree carries the
// state of the match along and leaves out what cannot match.
type glob struct {
	negate   bool
	dirsOnly bool      // ends in a slash: matches no file
	segments []segment // from the root of the file system
	search   string    // where to start: the directory before the first wildcard
}

// A segment matches one name of a path, or any number of them.
type segment struct {
	any     bool // "**"
	literal string
	wild    []wildcard // nil for a literal
}

// A wildcard matches one character of a name, or any number of them.
type wildcard struct {
	star   bool
	one    bool // "?"
	char   rune
	class  []runeRange // "[…]"
	negate bool        // "[!…]"
}

type runeRange struct{ from, to rune }

// parseGlobs reads patterns, one on each line, relative to root. Every pattern
// that may name a directory is followed by one for what is below.
func parseGlobs(patterns, root, home string) ([]glob, error) {
	var globs []glob
	for line := range strings.SplitSeq(patterns, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		g, err := parseGlob(line, root, home)
		if err != nil {
			return nil, err
		}
		globs = append(globs, g)
		if g.dirsOnly || !g.segments[len(g.segments)-1].any {
			below := g
			below.dirsOnly = false
			below.segments = append(slices.Clip(g.segments),
				segment{wild: []wildcard{{star: true}}}, segment{any: true})
			globs = append(globs, below)
		}
	}
	return globs, nil
}

func parseGlob(line, root, home string) (glob, error) {
	g := glob{}
	pattern := line
	for strings.HasPrefix(pattern, "!") {
		g.negate = !g.negate
		pattern = strings.TrimSpace(pattern[1:])
	}
	base := root
	switch {
	case strings.HasPrefix(pattern, "/"):
		base = "/"
	case pattern == "~" || strings.HasPrefix(pattern, "~/"):
		base, pattern = home, pattern[1:]
	case pattern == "." || strings.HasPrefix(pattern, "./"):
		pattern = pattern[1:]
	}
	g.search = base
	for _, name := range names(base) {
		g.segments = append(g.segments, segment{literal: name})
	}
	g.dirsOnly = strings.HasSuffix(pattern, "/")
	fixed := true
	for _, name := range names(pattern) {
		s := parseSegment(name)
		if s.literal == "." || s.literal == ".." {
			return g, problemf("Invalid pattern '%s'. Relative pathing '.' and '..' is not allowed.", line)
		}
		if fixed = fixed && s.isLiteral(); fixed {
			g.search = filepath.Join(g.search, s.literal)
		}
		if n := len(g.segments); s.any && n > 0 && g.segments[n-1].any {
			continue
		}
		g.segments = append(g.segments, s)
	}
	if len(g.segments) == 0 {
		g.segments = []segment{{any: true}}
	}
	return g, nil
}

// names splits a path at slashes and drops empty names.
func names(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
}

func (s segment) isLiteral() bool { return !s.any && s.wild == nil }

// parseSegment reads one segment of a pattern: *, ?, […] and a backslash
// before a character that means itself.
func parseSegment(name string) segment {
	if name == "**" {
		return segment{any: true}
	}
	var (
		wild    []wildcard
		literal strings.Builder
		special bool
	)
	for name != "" {
		r, size := utf8.DecodeRuneInString(name)
		switch r {
		case '\\':
			if len(name) > 1 {
				name = name[1:]
				r, size = utf8.DecodeRuneInString(name)
			}
		case '*':
			special = true
			name = strings.TrimLeft(name, "*")
			wild = append(wild, wildcard{star: true})
			continue
		case '?':
			special = true
			name = name[1:]
			wild = append(wild, wildcard{one: true})
			continue
		case '[':
			if w, length := parseClass(name); length > 0 {
				special = true
				name = name[length:]
				wild = append(wild, w)
				continue
			}
		}
		name = name[size:]
		wild = append(wild, wildcard{char: r})
		literal.WriteRune(r)
	}
	if special {
		return segment{wild: wild}
	}
	return segment{literal: literal.String()}
}

// parseClass reads a bracket expression at the start of s and returns its
// length, 0 when the bracket is never closed.
func parseClass(s string) (w wildcard, length int) {
	rest := s[1:]
	if strings.HasPrefix(rest, "!") || strings.HasPrefix(rest, "^") {
		w.negate = true
		rest = rest[1:]
	}
	for first := true; rest != ""; first = false {
		from, size := utf8.DecodeRuneInString(rest)
		if from == ']' && !first {
			return w, len(s) - len(rest) + 1
		}
		if from == '\\' && len(rest) > 1 {
			rest = rest[1:]
			from, size = utf8.DecodeRuneInString(rest)
		}
		rest = rest[size:]
		to := from
		if len(rest) > 1 && rest[0] == '-' && rest[1] != ']' {
			to, size = utf8.DecodeRuneInString(rest[1:])
			rest = rest[1+size:]
		}
		w.class = append(w.class, runeRange{from, to})
	}
	return w, 0
}

func (s segment) match(name string) bool {
	switch {
	case s.any:
		return true
	case s.wild == nil:
		return s.literal == name
	}
	return matchWild(s.wild, []rune(name))
}

// matchWild goes back to the last star only, so its time is bounded by the
// product of both lengths.
func matchWild(wild []wildcard, name []rune) bool {
	w, n := 0, 0
	star, resume := -1, 0
	for n < len(name) {
		switch {
		case w < len(wild) && wild[w].star:
			star, resume = w, n
			w++
		case w < len(wild) && wild[w].match(name[n]):
			w++
			n++
		case star >= 0:
			resume++
			w, n = star+1, resume
		default:
			return false
		}
	}
	for w < len(wild) && wild[w].star {
		w++
	}
	return w == len(wild)
}

func (w wildcard) match(r rune) bool {
	switch {
	case w.one:
		return true
	case w.class == nil:
		return w.char == r
	}
	for _, c := range w.class {
		if c.from <= r && r <= c.to {
			return !w.negate
		}
	}
	return w.negate
}

// A position is how far a pattern has got: the set of its segments that may be
// next. An empty position cannot match any more.
type position []int

// start is the position before the first name of a path.
func (g *glob) start() position { return g.reach(nil, 0) }

// reach adds segment i to p, and those behind it that an empty "**" skips.
func (g *glob) reach(p position, i int) position {
	for {
		if len(p) == 0 || p[len(p)-1] < i {
			p = append(p, i)
		}
		if i == len(g.segments) || !g.segments[i].any {
			return p
		}
		i++
	}
}

// next is the position after one more name of the path.
func (g *glob) next(p position, name string) position {
	var after position
	for _, i := range p {
		if i == len(g.segments) {
			continue
		}
		if s := g.segments[i]; s.any {
			after = g.reach(after, i)
		} else if s.match(name) {
			after = g.reach(after, i+1)
		}
	}
	return after
}

// done says whether the path up to here matches.
func (g *glob) done(p position) bool { return len(p) > 0 && p[len(p)-1] == len(g.segments) }
