package expr

// A node is a part of a syntax tree. depth counts levels, itself included.
type node interface {
	eval(*evaluation) (Value, error)
	depth() int
	children() []node
}

// pos is the part that all nodes share.
type pos struct {
	at    int // byte offset in the source
	level int // depth of the tree below, this node included
}

func (p pos) depth() int { return p.level }

// above returns the pos of a node with the given children.
func above(at int, children ...node) pos {
	level := 0
	for _, c := range children {
		level = max(level, c.depth())
	}
	return pos{at, level + 1}
}

type (
	literalNode struct {
		pos
		value Value
	}
	contextNode struct {
		pos
		name string
	}
	indexNode struct {
		pos
		left node
		key  node // nil for *
	}
	notNode struct {
		pos
		operand node
	}
	compareNode struct {
		pos
		op          string
		left, right node
	}
	// logicalNode is a whole chain of && or of ||, so that a long chain is not a
	// deep tree.
	logicalNode struct {
		pos
		and      bool
		operands []node
	}
	callNode struct {
		pos
		name    string // as written
		builtin builtin
		args    []node
	}
)

// newLogical joins operands by && or ||. An operand that is such a chain itself
// becomes part of this one; the value is the same.
func newLogical(at int, and bool, operands ...node) *logicalNode {
	var flat []node
	for _, operand := range operands {
		if chain, ok := operand.(*logicalNode); ok && chain.and == and {
			flat = append(flat, chain.operands...)
		} else {
			flat = append(flat, operand)
		}
	}
	return &logicalNode{above(at, flat...), and, flat}
}

func (n *literalNode) children() []node { return nil }
func (n *contextNode) children() []node { return nil }
func (n *notNode) children() []node     { return []node{n.operand} }
func (n *compareNode) children() []node { return []node{n.left, n.right} }
func (n *logicalNode) children() []node { return n.operands }
func (n *callNode) children() []node    { return n.args }
func (n *indexNode) children() []node {
	if n.key == nil {
		return []node{n.left}
	}
	return []node{n.left, n.key}
}

// find says whether want is true for one of the nodes of the tree.
func find(n node, want func(node) bool) bool {
	if want(n) {
		return true
	}
	for _, c := range n.children() {
		if find(c, want) {
			return true
		}
	}
	return false
}
