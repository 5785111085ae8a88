package expr

import (
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits of the language.
const (
	MaxSource = 21_000 // characters of an expression
	MaxDepth  = 50     // levels of its syntax tree
	maxArgs   = 255    // arguments of one call
)

// An Expr is a parsed expression. It does not change; goroutines may share it.
type Expr struct {
	source string
	root   node
}

// Parse parses src, the text between ${{ and }}. With a scope, a context or
// function that the scope lacks is an error, wherever it stands (CTX-1).
// The error is always an [*Error].
func Parse(src string, sc *Scope) (*Expr, error) {
	root, err := parse(src, sc)
	if err != nil {
		return nil, err
	}
	return &Expr{source: strings.TrimSpace(src), root: root}, nil
}

// String returns the source, without white space around it.
func (e *Expr) String() string { return e.source }

// Calls says whether the expression calls one of the named functions, anywhere
// in its syntax tree. Names match without case.
func (e *Expr) Calls(names ...string) bool {
	return find(e.root, func(n node) bool {
		call, ok := n.(*callNode)
		return ok && containsName(names, call.name)
	})
}

// Uses says whether the expression names the context, anywhere in its syntax
// tree. The name matches without case.
func (e *Expr) Uses(context string) bool {
	return find(e.root, func(n node) bool {
		c, ok := n.(*contextNode)
		return ok && strings.EqualFold(c.name, context)
	})
}

// Reads says whether an evaluation may look at one of the keys of the context:
// the expression names the context with such a key, with one that only the
// evaluation knows, or as a whole. Names match without case.
func (e *Expr) Reads(context string, keys ...string) bool {
	named := func(n node) bool {
		c, ok := n.(*contextNode)
		return ok && strings.EqualFold(c.name, context)
	}
	var reads func(n node) bool
	reads = func(n node) bool {
		if i, ok := n.(*indexNode); ok && named(i.left) {
			if key, ok := i.key.(*literalNode); ok {
				return slices.ContainsFunc(keys, func(k string) bool { return equalFold(k, String(key.value)) })
			}
			return true
		}
		return named(n) || slices.ContainsFunc(n.children(), reads)
	}
	return reads(e.root)
}

// parse returns the syntax tree of src. Positions in it count from the first
// character that is no white space.
func parse(src string, sc *Scope) (node, error) {
	if tooLong(src) {
		return nil, &Error{Msg: "Exceeded max expression length 21000"}
	}
	trimmed := strings.TrimSpace(src)
	if trimmed == "" {
		return nil, &Error{Msg: "An expression was expected", Offset: len(src)}
	}
	p := &parser{lex: lexer{src: trimmed}, scope: sc}
	root, err := p.whole()
	return root, shift(err, strings.Index(src, trimmed))
}

// whole parses all of the source.
func (p *parser) whole() (node, error) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	root, err := p.or()
	if err != nil {
		return nil, err
	}
	if p.tok.kind != endToken {
		return nil, p.unexpected()
	}
	return root, nil
}

func tooLong(src string) bool {
	return len(src) > MaxSource && utf8.RuneCountInString(src) > MaxSource
}

// A parser looks one token ahead. It has one method for each level of precedence,
// loosest first (EXP-4). The depth of the tree is bounded by MaxDepth, that of the
// recursion by MaxSource, since parentheses leave no node.
type parser struct {
	lex   lexer
	tok   token
	scope *Scope
}

func (p *parser) advance() (err error) {
	p.tok, err = p.lex.next()
	return err
}

// accept consumes the symbol if it is next.
func (p *parser) accept(symbol string) (bool, error) {
	if !p.tok.is(symbol) {
		return false, nil
	}
	return true, p.advance()
}

func (p *parser) expect(symbol string) error {
	if !p.tok.is(symbol) {
		return p.unexpected()
	}
	return p.advance()
}

func (p *parser) unexpected() error {
	if p.tok.kind == endToken {
		last := p.lex.last
		return located(p.lex.src, last.at, "Unexpected end of expression: '%s'", clip(last.text))
	}
	return located(p.lex.src, p.tok.at, "Unexpected symbol: '%s'", clip(p.tok.text))
}

// checked refuses a node that is too deep.
func (p *parser) checked(n node, at int) (node, error) {
	if n.depth() > MaxDepth {
		return nil, located(p.lex.src, at, "Exceeded max expression depth %d", MaxDepth)
	}
	return n, nil
}

func (p *parser) or() (node, error)  { return p.chain("||", p.and) }
func (p *parser) and() (node, error) { return p.chain("&&", p.equality) }

// chain parses operands with the given logical operator between them.
func (p *parser) chain(op string, operand func() (node, error)) (node, error) {
	first, err := operand()
	if err != nil || !p.tok.is(op) {
		return first, err
	}
	at, operands := p.tok.at, []node{first}
	for {
		ok, err := p.accept(op)
		if err != nil {
			return nil, err
		}
		if !ok {
			return p.checked(newLogical(at, op == "&&", operands...), at)
		}
		next, err := operand()
		if err != nil {
			return nil, err
		}
		operands = append(operands, next)
	}
}

func (p *parser) equality() (node, error) { return p.comparison(p.relation, "==", "!=") }
func (p *parser) relation() (node, error) { return p.comparison(p.unary, "<", "<=", ">", ">=") }

// comparison parses operands with one of the operators between them,
// associating to the left.
func (p *parser) comparison(operand func() (node, error), ops ...string) (node, error) {
	left, err := operand()
	for err == nil && p.tok.kind == symbolToken && containsName(ops, p.tok.text) {
		op := p.tok
		if err = p.advance(); err != nil {
			break
		}
		var right node
		if right, err = operand(); err != nil {
			break
		}
		left, err = p.checked(&compareNode{above(op.at, left, right), op.text, left, right}, op.at)
	}
	if err != nil {
		return nil, err
	}
	return left, nil
}

func (p *parser) unary() (node, error) {
	at := p.tok.at
	not, err := p.accept("!")
	if err != nil {
		return nil, err
	}
	if !not {
		return p.postfix()
	}
	operand, err := p.unary()
	if err != nil {
		return nil, err
	}
	return p.checked(&notNode{above(at, operand), operand}, at)
}

// postfix parses an operand and what is dereferenced from it.
func (p *parser) postfix() (node, error) {
	n, indexable, err := p.primary()
	for err == nil && indexable && (p.tok.is(".") || p.tok.is("[")) {
		n, err = p.index(n)
	}
	if err != nil {
		return nil, err
	}
	return n, nil
}

// index parses .name, .*, [*] or [expression] after left.
func (p *parser) index(left node) (node, error) {
	start := p.tok
	if err := p.advance(); err != nil {
		return nil, err
	}
	var key node
	switch {
	case p.tok.is("*"):
		if err := p.advance(); err != nil {
			return nil, err
		}
	case start.is("["):
		var err error
		if key, err = p.or(); err != nil {
			return nil, err
		}
	case p.tok.kind == nameToken:
		key = &literalNode{above(p.tok.at), p.tok.text}
		if err := p.advance(); err != nil {
			return nil, err
		}
	default:
		return nil, p.unexpected()
	}
	if start.is("[") {
		if err := p.expect("]"); err != nil {
			return nil, err
		}
	}
	at := above(start.at, left)
	if key != nil {
		at = above(start.at, left, key)
	}
	return p.checked(&indexNode{at, left, key}, start.at)
}

// primary parses a literal, a group, a context or a call. A literal cannot be
// indexed.
func (p *parser) primary() (n node, indexable bool, err error) {
	t := p.tok
	if t.is("(") {
		if err = p.advance(); err != nil {
			return nil, false, err
		}
		if n, err = p.or(); err != nil {
			return nil, false, err
		}
		return n, true, p.expect(")")
	}
	switch t.kind {
	case numberToken, stringToken:
		return &literalNode{above(t.at), t.value}, false, p.advance()
	case nameToken:
		if v, ok := keyword(t.text); ok {
			return &literalNode{above(t.at), v}, false, p.advance()
		}
		if err = p.advance(); err != nil {
			return nil, false, err
		}
		if p.tok.is("(") {
			n, err = p.call(t)
			return n, true, err
		}
		if !p.scope.context(t.text) {
			return nil, false, located(p.lex.src, t.at, "Unrecognized named-value: '%s'", clip(t.text))
		}
		return &contextNode{above(t.at), t.text}, true, nil
	case endToken, symbolToken:
	}
	return nil, false, p.unexpected()
}

// keyword returns the value of a name that is a literal. Unlike other names, these
// must be written in the right case (EXP-3).
func keyword(name string) (Value, bool) {
	switch name {
	case "null":
		return nil, true
	case "true":
		return true, true
	case "false":
		return false, true
	case "NaN":
		return math.NaN(), true
	case "Infinity":
		return math.Inf(1), true
	}
	return nil, false
}

// call parses the arguments of a function and checks their number (EXP-11).
func (p *parser) call(name token) (node, error) {
	fn, count, ok := lookup(name.text, p.scope)
	if !ok {
		return nil, located(p.lex.src, name.at, "Unrecognized function: '%s'", clip(name.text))
	}
	args, err := p.arguments()
	if err != nil {
		return nil, err
	}
	switch n := len(args); {
	case n < count.min:
		return nil, located(p.lex.src, name.at, "Too few parameters supplied: '%s'", name.text)
	case n > count.max:
		return nil, located(p.lex.src, name.at, "Too many parameters supplied: '%s'", name.text)
	case count.odd && n%2 == 0:
		return nil, located(p.lex.src, name.at, "Even number of parameters supplied, requires an odd number of parameters: '%s'", name.text)
	}
	return p.checked(&callNode{above(name.at, args...), name.text, fn, args}, name.at)
}

func (p *parser) arguments() ([]node, error) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	if end, err := p.accept(")"); end || err != nil {
		return nil, err
	}
	var args []node
	for {
		arg, err := p.or()
		if err != nil {
			return nil, err
		}
		args = append(args, arg)
		more, err := p.accept(",")
		if err != nil {
			return nil, err
		}
		if !more {
			return args, p.expect(")")
		}
	}
}
