package markdown

import (
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// What a summary may cost. An ordinary one of a megabyte costs a third of each.
const (
	maxNodes     = 400_000     // things to keep in memory while it is read, such as cells; some 200 bytes each
	maxSteps     = 500_000_000 // pairs of a mark and a byte of the same paragraph, heading or row; a second at most
	maxDepth     = 32          // lists, their items and quotes that are open at once
	maxCells     = 100_000     // of all tables
	maxPipes     = 1000        // \| in tables: each is compared with all others
	maxFootnotes = 200         // each reference is compared with all of them
)

// A budget is what is left for one summary.
type budget struct{ nodes, steps, cells, pipes, footnotes int }

var budgetKey = parser.NewContextKey()

func budgetOf(pc parser.Context) *budget {
	b, _ := pc.ComputeIfAbsent(budgetKey, func() any {
		return &budget{maxNodes, maxSteps, maxCells, maxPipes, maxFootnotes}
	}).(*budget)
	return b
}

// take pays for something, or says that there is too little left for it.
func (b *budget) take(nodes, steps int) bool {
	if nodes > b.nodes || steps > b.steps {
		return false
	}
	b.nodes, b.steps = b.nodes-nodes, b.steps-steps
	return true
}

// spent says whether there is nothing left. Then the rest of the summary is text.
func (b *budget) spent() bool { return b.nodes <= 0 }

// inline pays for the text of a block with the marks in it. The time to read it
// can grow with the number of marks and, for each, the length.
func (b *budget) inline(source []byte, lines ...text.Segment) bool {
	marks, others, size := 0, 0, 0
	for _, line := range lines {
		size += line.Len()
		for _, c := range line.Value(source) {
			switch c {
			case '[', ']', '*', '_', '~', '<', '`', '(':
				marks++
			case ':', '@', '.':
				others++ // of emoji and addresses, which are nodes and take no time
			}
		}
	}
	return b.take(1+len(lines)+(marks+others)/2, marks*size)
}
