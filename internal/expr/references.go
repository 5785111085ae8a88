package expr

import (
	"slices"
	"strings"
)

// A Reference is a value of a context that an expression names.
type Reference struct {
	// Path is the context and the names below it that are known without an evaluation.
	// A name is "*" where all of the values there are meant.
	Path []string
	// Open says that more follows, which only an evaluation knows.
	Open bool
	// Flows says that the value, or a text that has it as a part, may be what the
	// expression gives. What is only compared or searched does not flow.
	Flows bool
	// AsJSON says that it flows with all that is below it.
	AsJSON bool
}

// Text is the reference as it is mostly written.
func (r Reference) Text() string { return strings.Join(r.Path, ".") }

// References are the values of contexts that the expression names, in their order.
func (e *Expr) References() []Reference {
	var c collector
	c.visit(e.root, true, false)
	return c.found
}

// A collector goes through a syntax tree.
type collector struct{ found []Reference }

// visit looks at a node whose value flows or not, and is written as JSON or not.
func (c *collector) visit(n node, flows, asJSON bool) {
	switch n := n.(type) {
	case *contextNode, *indexNode:
		c.reference(n, flows, asJSON)
	case *logicalNode:
		for i, operand := range n.operands {
			// Of a chain of && those before the last are given only when they are false or
			// empty.
			c.visit(operand, flows && (!n.and || i == len(n.operands)-1), asJSON)
		}
	case *callNode:
		c.call(n, flows, asJSON)
	case nil:
	default:
		for _, child := range n.children() {
			c.visit(child, false, false)
		}
	}
}

func (c *collector) call(n *callNode, flows, asJSON bool) {
	name := strings.ToLower(n.name)
	for i, arg := range n.args {
		part := flows && slices.Contains([]string{"format", "join", "tojson", "fromjson", "case"}, name)
		if name == "case" && i%2 == 0 && i < len(n.args)-1 {
			part = false // a predicate
		}
		c.visit(arg, part, part && (asJSON || name == "tojson"))
	}
}

// reference follows a chain of indexes down to the context. What its keys name are
// references of their own.
func (c *collector) reference(n node, flows, asJSON bool) {
	r := Reference{Flows: flows, AsJSON: asJSON}
	for {
		switch at := n.(type) {
		case *contextNode:
			r.Path = append(r.Path, at.name)
			slices.Reverse(r.Path)
			c.found = append(c.found, r)
			return
		case *indexNode:
			key, literal := at.key.(*literalNode)
			switch {
			case at.key == nil:
				r.Path = append(r.Path, "*")
			case literal:
				r.Path = append(r.Path, String(key.value))
			default:
				r.Path, r.Open = nil, true
				c.visit(at.key, false, false)
			}
			n = at.left
		default: // what a function gives
			c.visit(n, flows, asJSON)
			return
		}
	}
}

// Known is the value of the expression where that can be told without any context,
// and without how jobs ended: false && github.ref is false.
func (e *Expr) Known() (v Value, ok bool) { return known(e.root) }

func known(n node) (Value, bool) {
	if l, chain := n.(*logicalNode); chain {
		return l.known()
	}
	told := func(n node) bool {
		switch n := n.(type) {
		case *contextNode:
			return true
		case *callNode:
			return n.builtin == nil
		}
		return false
	}
	if find(n, told) {
		return nil, false
	}
	v, err := (&Expr{root: n}).Eval(nil)
	return v, err == nil
}

// known is the first operand that decides, whatever those are that are not known.
// What is told is right in truth only: an unknown one before it may be falsy, too.
func (n *logicalNode) known() (last Value, ok bool) {
	all := true
	for _, operand := range n.operands {
		v, ok := known(operand)
		switch {
		case !ok:
			all = false
		case Truthy(v) != n.and:
			return v, true
		default:
			last = v
		}
	}
	return last, all
}
