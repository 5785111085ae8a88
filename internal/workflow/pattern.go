package workflow

import (
	"errors"
	"fmt"
	"strings"
)

// A pattern is a compiled filter pattern (TRG-6). Matching keeps all positions that
// it may be in at once, so it takes at most the product of both lengths.
type pattern struct {
	negated bool
	atoms   []atom
}

// An atom matches one character, or several with a quantifier.
type atom struct {
	match    func(c rune) bool
	optional bool // may match nothing
	repeat   bool // may match more than one character
	gate     bool // matches nothing; the two atoms after it, **/, may be left out
}

// compilePattern reads one pattern of a filter.
func compilePattern(s string) (*pattern, error) {
	p := &pattern{}
	s, p.negated = strings.CutPrefix(s, "!")
	chars := []rune(s)
	for i := 0; i < len(chars); i++ {
		c := chars[i]
		last := len(p.atoms) - 1
		switch {
		case c == '*' && i+1 < len(chars) && chars[i+1] == '*':
			i++
			if i+1 < len(chars) && chars[i+1] == '/' {
				p.atoms = append(p.atoms, atom{match: noChar, optional: true, gate: true})
			}
			p.atoms = append(p.atoms, atom{match: anyChar, optional: true, repeat: true})
		case c == '*':
			p.atoms = append(p.atoms, atom{match: notSlash, optional: true, repeat: true})
		case c == '?' && last >= 0:
			p.atoms[last].optional = true
		case c == '+' && last >= 0:
			p.atoms[last].repeat = true
		case c == '[':
			n, match, err := class(chars[i:])
			if err != nil {
				return nil, err
			}
			i += n - 1
			p.atoms = append(p.atoms, atom{match: match})
		default:
			if c == '\\' && i+1 < len(chars) {
				i++
			}
			p.atoms = append(p.atoms, atom{match: is(chars[i])})
		}
	}
	return p, nil
}

func anyChar(rune) bool    { return true }
func noChar(rune) bool     { return false }
func notSlash(c rune) bool { return c != '/' }

func is(want rune) func(rune) bool { return func(c rune) bool { return c == want } }

// class reads [abc] or [a-z] and says how many characters it took.
func class(chars []rune) (int, func(rune) bool, error) {
	var low, high []rune
	for i := 1; i < len(chars); i++ {
		c := chars[i]
		switch {
		case c == ']' && len(low) > 0:
			return i + 1, func(c rune) bool {
				for k := range low {
					if low[k] <= c && c <= high[k] {
						return true
					}
				}
				return false
			}, nil
		case c == ']':
			return 0, nil, errors.New("[] is empty")
		case i+2 < len(chars) && chars[i+1] == '-' && chars[i+2] != ']':
			if !alphanumeric(c) || !alphanumeric(chars[i+2]) || c > chars[i+2] {
				return 0, nil, fmt.Errorf("%c-%c is not a range of letters or digits", c, chars[i+2])
			}
			low, high = append(low, c), append(high, chars[i+2])
			i += 2
		default:
			low, high = append(low, c), append(high, c)
		}
	}
	return 0, nil, errors.New("] is missing")
}

func alphanumeric(c rune) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// matches says whether the pattern, without its negation, matches all of s. It takes
// its work from budget, and gives up when that is spent.
func (p *pattern) matches(s string, budget *int) bool {
	now := make([]bool, len(p.atoms)+1) // now[i]: atoms before i have matched all up to here
	next := make([]bool, len(p.atoms)+1)
	now[0] = true
	p.skip(now)
	for _, c := range s {
		if *budget -= len(now); *budget < 0 {
			return false
		}
		clear(next)
		alive := false
		for i, a := range p.atoms {
			if now[i] && a.match(c) {
				next[i+1] = true
				next[i] = next[i] || a.repeat
				alive = true
			}
		}
		if !alive {
			return false
		}
		p.skip(next)
		now, next = next, now
	}
	return now[len(p.atoms)]
}

// skip adds the positions that can be reached without a character.
func (p *pattern) skip(at []bool) {
	for i, a := range p.atoms {
		if at[i] && a.optional {
			at[i+1] = true
		}
		if at[i] && a.gate {
			at[i+3] = true
		}
	}
}
