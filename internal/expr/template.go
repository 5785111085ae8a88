package expr

import (
	"errors"
	"strconv"
	"strings"
)

const (
	openMark  = "${{"
	closeMark = "}}"
)

// statusFunctions are those whose call takes the place of the implicit success()
// (IF-1).
var statusFunctions = [...]string{"success", "failure", "cancelled", "always"}

// Template parses a scalar that may contain ${{ }} (EXP-1). Without any,
// isExpr is false and s is plain text. If s is one ${{ }} as a whole, e is the
// expression in it, whose value keeps its type. Otherwise e is a call of format
// whose format is the text around them, and its String is that call.
func Template(s string, sc *Scope) (e *Expr, isExpr bool, err error) {
	if !strings.Contains(s, openMark) {
		return nil, false, nil
	}
	segments, err := split(s)
	if err != nil {
		return nil, true, err
	}
	t := template{scope: sc}
	for _, seg := range segments {
		if err := t.add(seg); err != nil {
			return nil, true, err
		}
	}
	e, err = t.expr()
	return e, true, err
}

// A segment is literal text or the text between ${{ and }}.
type segment struct {
	text  string
	at    int // byte offset
	isExp bool
}

// split cuts s at its ${{ }}.
func split(s string) ([]segment, error) {
	var out []segment
	for at := 0; at < len(s); {
		open := strings.Index(s[at:], openMark)
		if open < 0 {
			return append(out, segment{s[at:], at, false}), nil
		}
		if open > 0 {
			out = append(out, segment{s[at : at+open], at, false})
		}
		start := at + open + len(openMark)
		end := closing(s[start:])
		if end < 0 {
			return nil, &Error{
				Msg:    "The expression is not closed. An unescaped ${{ sequence was found, but the closing }} sequence was not found.",
				Offset: at + open,
			}
		}
		out = append(out, segment{s[start : start+end], start, true})
		at = start + end + len(closeMark)
	}
	return out, nil
}

// closing returns the offset of the first }} outside a string literal, or -1.
func closing(s string) int {
	quoted := false
	for i := range len(s) {
		switch {
		case s[i] == '\'':
			quoted = !quoted
		case !quoted && strings.HasPrefix(s[i:], closeMark):
			return i
		}
	}
	return -1
}

// A template collects the segments of a scalar.
type template struct {
	scope  *Scope
	format strings.Builder // the format of the call
	args   []node
	texts  []string // source of args
	text   bool     // there is literal text
}

func (t *template) add(seg segment) error {
	if !seg.isExp {
		t.text = true
		t.format.WriteString(strings.NewReplacer("{", "{{", "}", "}}").Replace(seg.text))
		return nil
	}
	n, err := parse(seg.text, t.scope)
	if err != nil {
		return shift(err, seg.at)
	}
	t.format.WriteString("{" + strconv.Itoa(len(t.args)) + "}")
	t.args = append(t.args, n)
	t.texts = append(t.texts, strings.TrimSpace(seg.text))
	return nil
}

// expr returns the one expression, or the call of format.
func (t *template) expr() (*Expr, error) {
	if !t.text && len(t.args) == 1 {
		return &Expr{source: t.texts[0], root: t.args[0]}, nil
	}
	source := "format(" + quote(t.format.String()) + ", " + strings.Join(t.texts, ", ") + ")"
	args := append([]node{&literalNode{above(0), t.format.String()}}, t.args...)
	root := &callNode{above(0, args...), "format", format, args}
	if err := checkSize(source, root); err != nil {
		return nil, err
	}
	if len(args) > maxArgs {
		return nil, &Error{Msg: "Too many parameters supplied: 'format'"}
	}
	return &Expr{source: source, root: root}, nil
}

// checkSize applies the limits of a whole expression to one made of parts.
func checkSize(source string, root node) error {
	switch {
	case tooLong(source):
		return &Error{Msg: "Exceeded max expression length 21000"}
	case root.depth() > MaxDepth:
		return &Error{Msg: "Exceeded max expression depth 50"}
	}
	return nil
}

// shift moves the offset of a parse error.
func shift(err error, by int) error {
	if e, ok := errors.AsType[*Error](err); ok {
		e.Offset += by
	}
	return err
}

// Condition parses the value of an `if`, with or without ${{ }} (EXP-2). When
// the syntax tree calls none of success, failure, cancelled and always, the
// condition is success() && (s), and String says so (IF-1). Empty text is
// success(). The scope need not allow the implicit success().
func Condition(s string, sc *Scope) (*Expr, error) {
	success := &callNode{above(0), "success", nil, nil}
	if strings.TrimSpace(s) == "" {
		return &Expr{source: "success()", root: success}, nil
	}
	e, isExpr, err := Template(s, sc)
	if !isExpr {
		e, err = Parse(s, sc)
	}
	if err != nil || e.Calls(statusFunctions[:]...) {
		return e, err
	}
	source := "success() && (" + e.source + ")"
	root := newLogical(0, true, success, e.root)
	if err := checkSize(source, root); err != nil {
		return nil, err
	}
	return &Expr{source: source, root: root}, nil
}
