package markdown

import (
	"bytes"
	"regexp"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// blocks are the parsers of blocks, the first that takes a line wins. All keep to
// the budget; paragraphs are paid for when they end, by before and after.
func blocks() []util.PrioritizedValue {
	return []util.PrioritizedValue{
		util.Prioritized(rest{}, 50),
		util.Prioritized(counted{parser.NewSetextHeadingParser()}, 100),
		util.Prioritized(counted{parser.NewThematicBreakParser()}, 200),
		util.Prioritized(container{parser.NewListParser()}, 300),
		util.Prioritized(counted{parser.NewListItemParser()}, 400),
		util.Prioritized(counted{parser.NewCodeBlockParser()}, 500),
		util.Prioritized(heading{parser.NewATXHeadingParser()}, 600),
		util.Prioritized(counted{parser.NewFencedCodeBlockParser()}, 700),
		util.Prioritized(container{parser.NewBlockquoteParser()}, 800),
		util.Prioritized(counted{parser.NewHTMLBlockParser()}, 900),
		util.Prioritized(parser.NewParagraphParser(), 1000),
	}
}

// counted pays for a block as such.
type counted struct{ parser.BlockParser }

// Open implements parser.BlockParser.
func (p counted) Open(parent ast.Node, reader text.Reader, pc parser.Context) (ast.Node, parser.State) {
	n, state := p.BlockParser.Open(parent, reader, pc)
	if n != nil {
		budgetOf(pc).nodes--
	}
	return n, state
}

// heading pays for a heading and what is in it. One that is too dear is a paragraph.
type heading struct{ parser.BlockParser }

// Open implements parser.BlockParser.
func (p heading) Open(parent ast.Node, reader text.Reader, pc parser.Context) (ast.Node, parser.State) {
	if _, line := reader.PeekLine(); !budgetOf(pc).inline(reader.Source(), line) {
		return nil, parser.NoChildren
	}
	return p.BlockParser.Open(parent, reader, pc)
}

// container pays for a block that holds others, and for each line that it goes on.
// There are no more than maxDepth in each other; when nothing is left, all end.
type container struct{ parser.BlockParser }

// Open implements parser.BlockParser.
func (p container) Open(parent ast.Node, reader text.Reader, pc parser.Context) (ast.Node, parser.State) {
	if len(pc.OpenedBlocks()) >= maxDepth {
		return nil, parser.NoChildren
	}
	return counted(p).Open(parent, reader, pc)
}

// Continue implements parser.BlockParser.
func (p container) Continue(n ast.Node, reader text.Reader, pc parser.Context) parser.State {
	b := budgetOf(pc)
	if b.nodes--; b.spent() {
		return parser.Close
	}
	return p.BlockParser.Continue(n, reader, pc)
}

// rest takes all lines that come when the budget is spent, as they are written.
type rest struct{}

// Trigger implements parser.BlockParser.
func (rest) Trigger() []byte {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	return all
}

// Open implements parser.BlockParser.
func (rest) Open(parent ast.Node, reader text.Reader, pc parser.Context) (ast.Node, parser.State) {
	if !budgetOf(pc).spent() || parent.Kind() != ast.KindDocument {
		return nil, parser.NoChildren
	}
	n := ast.NewCodeBlock()
	rest{}.Continue(n, reader, pc)
	return n, parser.NoChildren
}

// Continue implements parser.BlockParser.
func (rest) Continue(n ast.Node, reader text.Reader, _ parser.Context) parser.State {
	_, segment := reader.PeekLine()
	n.Lines().Append(segment)
	reader.AdvanceToEOL()
	return parser.Continue | parser.NoChildren
}

// Close implements parser.BlockParser.
func (rest) Close(ast.Node, text.Reader, parser.Context) {}

// CanInterruptParagraph implements parser.BlockParser.
func (rest) CanInterruptParagraph() bool { return true }

// CanAcceptIndentedLine implements parser.BlockParser.
func (rest) CanAcceptIndentedLine() bool { return true }

// before looks at a paragraph before it may become a table or definitions of
// links, and pays for those.
type before struct{}

// delimiter is the second line of a table.
var delimiter = regexp.MustCompile(`^ {0,3}\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$`)

// Transform implements parser.ParagraphTransformer.
func (before) Transform(p *ast.Paragraph, reader text.Reader, pc parser.Context) {
	b, lines, source := budgetOf(pc), p.Lines(), reader.Source()
	definitions, size := 0, 0
	for i := range lines.Len() {
		line := lines.At(i)
		text := line.Value(source)
		if size += len(text); bytes.HasPrefix(text, []byte("[")) {
			definitions++
		}
		if i > 0 && delimiter.Match(text) {
			if !b.table(lines, i-1, source) {
				asIs(p)
			}
			return
		}
	}
	if !b.take(definitions, definitions*size) {
		asIs(p)
	}
}

// table pays for a table whose header is the line first.
func (b *budget) table(lines *text.Segments, first int, source []byte) bool {
	columns := bytes.Count(bytes.Trim(lineOf(lines, first+1, source), "| \t\r\n"), []byte("|")) + 1
	b.cells -= columns * (lines.Len() - first)
	if b.cells < 0 || !b.take(columns*(lines.Len()-first), 0) {
		return false
	}
	for i := first; i < lines.Len(); i++ {
		line := lineOf(lines, i, source)
		b.pipes -= bytes.Count(line, []byte(`\|`))
		if b.pipes < 0 || !b.inline(source, lines.At(i)) {
			return false
		}
	}
	return true
}

func lineOf(lines *text.Segments, i int, source []byte) []byte {
	segment := lines.At(i)
	return segment.Value(source)
}

// after pays for what is still a paragraph when it might have become another block.
type after struct{}

// Transform implements parser.ParagraphTransformer.
func (after) Transform(p *ast.Paragraph, reader text.Reader, pc parser.Context) {
	if !budgetOf(pc).inline(reader.Source(), p.Lines().Sliced(0, p.Lines().Len())...) {
		asIs(p)
	}
}

// asIs shows a paragraph as it was written.
func asIs(p *ast.Paragraph) {
	code := ast.NewCodeBlock()
	code.SetLines(p.Lines())
	p.Parent().ReplaceChild(p.Parent(), p, code)
}
