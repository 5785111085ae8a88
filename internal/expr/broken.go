package expr

import "strings"

// Broken is an expression that could not be parsed, where that is an error only once
// it is evaluated: err is that of [Parse]. Its text is that of GitHub's runner.
func Broken(src string, err error) *Expr {
	src = strings.TrimSpace(src)
	return &Expr{source: src, root: &brokenNode{above(0), src, err}}
}

type brokenNode struct {
	pos
	source string
	err    error
}

func (n *brokenNode) children() []node { return nil }

func (n *brokenNode) eval(*evaluation) (Value, error) {
	return nil, fail(n.at, "GitHub.DistributedTask.Expressions2.ParseException: %v", n.err)
}
