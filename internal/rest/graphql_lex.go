package rest

import "strings"

// next reads the next token.
func (p *parser) next() {
	p.space()
	p.at = place{p.line, p.pos - p.bol + 1}
	if p.pos >= len(p.text) {
		p.token = ""
		return
	}
	rest := p.text[p.pos:]
	n := 0
	switch c := rest[0]; {
	case strings.IndexByte("!$()[]{}:=@|&", c) >= 0:
		n = 1
	case strings.HasPrefix(rest, "..."):
		n = 3
	case c == '"':
		n = quoted(rest)
	case isName(rest):
		n = while(rest, func(c byte) bool { return isName(string(c)) || c >= '0' && c <= '9' })
	case c == '-' || c >= '0' && c <= '9':
		n = 1 + while(rest[1:], func(c byte) bool { return c >= '0' && c <= '9' || strings.IndexByte("+-.eE", c) >= 0 })
	}
	if n == 0 {
		p.fail("Parse error on %.10q", rest)
		return
	}
	p.token = rest[:n]
	p.pos += n
	if i := strings.LastIndexByte(p.token, '\n'); i >= 0 { // in a block string
		p.line += strings.Count(p.token, "\n")
		p.bol = p.pos - n + i + 1
	}
}

// space passes over what means nothing: blanks, commas and comments.
func (p *parser) space() {
	for p.pos < len(p.text) {
		switch c := p.text[p.pos]; c {
		case ' ', '\t', ',', '\r':
			p.pos++
		case '\n':
			p.pos++
			p.line++
			p.bol = p.pos
		case '#':
			p.pos += while(p.text[p.pos:], func(c byte) bool { return c != '\n' })
		default:
			if !strings.HasPrefix(p.text[p.pos:], "\ufeff") {
				return
			}
			p.pos += len("\ufeff")
		}
	}
}

// quoted is the length of the string that text begins with, 0 if it has no end.
func quoted(text string) int {
	if strings.HasPrefix(text, `"""`) {
		for i := 3; i < len(text); {
			end := strings.Index(text[i:], `"""`)
			if end < 0 {
				return 0
			}
			i += end + 3
			if text[i-4] != '\\' {
				return i
			}
		}
		return 0
	}
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		case '\n':
			return 0
		}
	}
	return 0
}

// while is how many bytes at the start of text are as ok says.
func while(text string, ok func(byte) bool) int {
	for i := range len(text) {
		if !ok(text[i]) {
			return i
		}
	}
	return len(text)
}
