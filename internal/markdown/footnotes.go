package markdown

import (
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// footnotes are those of the library, as many as the budget has.
type footnotes struct{}

// footnotePrefix is the key of what ids of footnotes begin with, so that several
// summaries can stand on one page.
const footnotePrefix = "footnotes"

// Extend implements goldmark.Extender.
func (footnotes) Extend(m goldmark.Markdown) {
	m.Parser().AddOptions(
		parser.WithBlockParsers(util.Prioritized(footnote{container{extension.NewFootnoteBlockParser()}}, 999)),
		parser.WithInlineParsers(util.Prioritized(extension.NewFootnoteParser(), 101)),
		parser.WithASTTransformers(util.Prioritized(extension.NewFootnoteASTTransformer(), 999)),
	)
	m.Renderer().AddOptions(renderer.WithNodeRenderers(util.Prioritized(extension.NewFootnoteHTMLRenderer(
		extension.WithFootnoteIDPrefixFunction(func(n ast.Node) []byte {
			prefix, _ := n.OwnerDocument().Meta()[footnotePrefix].(string)
			return []byte(prefix)
		}),
	), 500)))
}

// footnote counts definitions of footnotes.
type footnote struct{ container }

// Open implements parser.BlockParser.
func (p footnote) Open(parent ast.Node, reader text.Reader, pc parser.Context) (ast.Node, parser.State) {
	if budgetOf(pc).footnotes <= 0 {
		return nil, parser.NoChildren
	}
	n, state := p.container.Open(parent, reader, pc)
	if n != nil {
		budgetOf(pc).footnotes--
	}
	return n, state
}
