package expr

import (
	"cmp"
	"fmt"
	"strings"
)

// Trace evaluates the expression as [Expr.Eval] does, and tells how in the lines that
// people know from debug logs of GitHub's runner: what is evaluated, each part of it
// and its value, what the expression is with values in the places of names, if that
// says more, and the result. A line is only made if the one before was wanted: show
// returns false when it wants no more.
func (e *Expr) Trace(env *Env, show func(line string) bool) (Value, error) {
	t := &tracer{wanted: true, show: show, realized: map[node]string{}}
	t.line(0, "Evaluating: "+written(e.root, nil))
	v, err := (&Expr{source: e.source, root: t.wrap(e.root, 0)}).Eval(env)
	if err != nil || !t.wanted {
		return v, err
	}
	result := display(v)
	expanded := written(e.root, t.realized)
	if _, number := v.(float64); expanded != result && (!number || expanded != "'"+result+"'") {
		t.line(0, "Expanded: "+cut(expanded, maxExpanded))
	}
	t.line(0, "Result: "+result)
	return v, nil
}

// A tracer tells what an evaluation does.
type tracer struct {
	wanted   bool
	show     func(string) bool
	realized map[node]string // values of the nodes that stand for one in the expanded expression
}

func (t *tracer) line(level int, text string) {
	if t.wanted {
		t.wanted = t.show(strings.Repeat("..", level) + text)
	}
}

// A tracedNode tells of the evaluation of a node.
type tracedNode struct {
	node
	t      *tracer
	origin node // as it was parsed
	level  int
}

// wrap is a copy of a tree whose nodes tell.
func (t *tracer) wrap(n node, level int) node {
	out := &tracedNode{node: n, t: t, origin: n, level: level}
	all := func(list []node) []node {
		wrapped := make([]node, len(list))
		for i, c := range list {
			wrapped[i] = t.wrap(c, level+1)
		}
		return wrapped
	}
	switch n := n.(type) {
	case *notNode:
		out.node = &notNode{n.pos, t.wrap(n.operand, level+1)}
	case *compareNode:
		out.node = &compareNode{n.pos, n.op, t.wrap(n.left, level+1), t.wrap(n.right, level+1)}
	case *logicalNode:
		out.node = &logicalNode{n.pos, n.and, all(n.operands)}
	case *callNode:
		out.node = &callNode{n.pos, n.name, n.builtin, all(n.args)}
	case *indexNode:
		index := &indexNode{pos: n.pos, left: t.wrap(n.left, level+1)}
		if n.key != nil {
			index.key = t.wrap(n.key, level+1)
		}
		out.node = index
	}
	return out
}

func (n *tracedNode) eval(ev *evaluation) (Value, error) {
	n.t.line(n.level, "Evaluating "+title(n.origin)+":")
	v, err := n.node.eval(ev)
	if err != nil || !n.t.wanted {
		return v, err
	}
	text := display(plain(v))
	n.t.line(n.level, "=> "+text)
	switch n.origin.(type) {
	case *contextNode, *indexNode, *callNode:
		n.t.realized[n.origin] = text
	}
	return v, nil
}

// title is what a node is called.
func title(n node) string {
	switch n := n.(type) {
	case *literalNode:
		return string(kindOf(n.value))
	case *contextNode:
		return n.name
	case *callNode:
		return n.name
	case *notNode:
		return "Not"
	case *compareNode:
		return map[string]string{
			"==": "Equal", "!=": "NotEqual", "<": "LessThan", "<=": "LessThanOrEqual", ">": "GreaterThan", ">=": "GreaterThanOrEqual",
		}[n.op]
	case *logicalNode:
		if n.and {
			return "And"
		}
		return "Or"
	}
	return "Index"
}

// written is a node as an expression, with the values that realized has.
func written(n node, realized map[node]string) string {
	if text, ok := realized[n]; ok {
		return text
	}
	list := func(nodes []node, between string) string {
		texts := make([]string, len(nodes))
		for i, c := range nodes {
			texts[i] = written(c, realized)
		}
		return strings.Join(texts, between)
	}
	switch n := n.(type) {
	case *literalNode:
		return display(n.value)
	case *contextNode:
		return n.name
	case *notNode:
		return "!" + written(n.operand, realized)
	case *compareNode:
		return "(" + list([]node{n.left, n.right}, " "+n.op+" ") + ")"
	case *logicalNode:
		return "(" + list(n.operands, map[bool]string{true: " && ", false: " || "}[n.and]) + ")"
	case *callNode:
		return n.name + "(" + list(n.args, ", ") + ")"
	case *brokenNode:
		return n.source
	case *indexNode:
		key := "*"
		if n.key != nil {
			key = written(n.key, realized)
		}
		return written(n.left, realized) + "[" + key + "]"
	}
	return fmt.Sprintf("%T", n)
}

// How much a trace shows of a text, and of an expression with values in it, in bytes.
const (
	maxDisplay  = 4 << 10
	maxExpanded = 64 << 10
)

// display is a value in a trace.
func display(v Value) string {
	switch v := v.(type) {
	case string:
		return "'" + strings.ReplaceAll(cut(v, maxDisplay), "'", "''") + "'"
	case *Object, *Array:
		return string(kindOf(v))
	}
	return cmp.Or(String(v), "null")
}
