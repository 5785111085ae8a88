package expr

import (
	"math"
	"strings"
	"unicode"
	"unicode/utf8"
)

type tokenKind int

const (
	endToken tokenKind = iota
	symbolToken
	numberToken
	stringToken
	nameToken
)

// A token is a piece of the source. Its value is that of a number or string
// literal.
type token struct {
	kind  tokenKind
	text  string
	value Value
	at    int // byte offset
}

func (t token) is(symbol string) bool { return t.kind == symbolToken && t.text == symbol }

// A lexer cuts the source into tokens. It remembers the last one, since that decides
// whether a dot starts a number or dereferences.
type lexer struct {
	src  string
	pos  int
	last token
}

// next returns the next token, or an error for text that is not a token (EXP-3).
func (l *lexer) next() (token, error) {
	rest := strings.TrimLeftFunc(l.src[l.pos:], unicode.IsSpace)
	l.pos = len(l.src) - len(rest)
	t := token{kind: endToken, at: l.pos}
	if rest == "" {
		return t, nil
	}
	size := 0
	switch c := rest[0]; {
	case strings.IndexByte("()[],*", c) >= 0, c == '.' && !l.operandExpected():
		t.kind, size = symbolToken, 1
	case isOperatorByte(c):
		t.kind, size = symbolToken, operatorSize(rest)
	case c == '\'':
		t.value, size = unquote(rest)
		t.kind = stringToken
	case c == '.', c == '-', c == '+', '0' <= c && c <= '9':
		size = tokenSize(rest, ".")
		number := parseNumber(rest[:size])
		if math.IsNaN(number) {
			return t, l.unexpected(rest[:size])
		}
		t.kind, t.value = numberToken, number
	default:
		size = tokenSize(rest, "")
		if !isName(rest[:size]) {
			return t, l.unexpected(rest[:size])
		}
		t.kind = nameToken
	}
	if size == 0 {
		return t, l.unexpected(rest[:tokenSize(rest, "")])
	}
	t.text = rest[:size]
	l.pos += size
	l.last = t
	return t, nil
}

func (l *lexer) unexpected(text string) error {
	err := located(l.src, l.pos, "Unexpected symbol: '%s'", clip(text))
	err.Lexing = true
	return err
}

// operandExpected says whether the token before was nothing, an operator, a
// comma or an opening bracket.
func (l *lexer) operandExpected() bool {
	switch l.last.kind {
	case endToken:
		return true
	case symbolToken:
		return !l.last.is(")") && !l.last.is("]") && !l.last.is("*") && !l.last.is(".")
	case numberToken, stringToken, nameToken:
	}
	return false
}

func isOperatorByte(c byte) bool { return strings.IndexByte("!<>=&|", c) >= 0 }

// operatorSize returns the length of the operator that s starts with, 0 if none.
func operatorSize(s string) int {
	for _, op := range [...]string{"!=", ">=", "<=", "==", "&&", "||", "!", ">", "<"} {
		if strings.HasPrefix(s, op) {
			return len(op)
		}
	}
	return 0
}

// unquote reads the string literal that s starts with; size is 0 if it has no end.
func unquote(s string) (value string, size int) {
	var b strings.Builder
	for i := 1; i < len(s); {
		end := strings.IndexByte(s[i:], '\'')
		if end < 0 {
			break
		}
		b.WriteString(s[i : i+end])
		i += end + 1
		if i >= len(s) || s[i] != '\'' {
			return b.String(), i
		}
		b.WriteByte('\'')
		i++
	}
	return "", 0
}

// quote writes s as a string literal.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// tokenSize returns the length of the text up to the next white space, bracket,
// comma, dot or operator; characters of inside do not end it.
func tokenSize(s, inside string) int {
	_, first := utf8.DecodeRuneInString(s)
	end := strings.IndexFunc(s[first:], func(r rune) bool {
		return (strings.ContainsRune("()[],.!<>=&|", r) || unicode.IsSpace(r)) && !strings.ContainsRune(inside, r)
	})
	if end < 0 {
		return len(s)
	}
	return first + end
}

// isName says whether s can name a context, function or property.
func isName(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', c == '_':
		case i > 0 && ('0' <= c && c <= '9' || c == '-'):
		default:
			return false
		}
	}
	return s != ""
}
