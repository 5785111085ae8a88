package markdown

import (
	"regexp"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// raw passes raw HTML on to the policy. As GitHub's Markdown has it, the tags of
// elements whose content a browser would not read as HTML are text.
type raw struct{}

// RegisterFuncs implements renderer.NodeRenderer.
func (raw) RegisterFuncs(reg renderer.NodeRendererFuncRegisterer) {
	reg.Register(ast.KindRawHTML, renderRaw)
	reg.Register(ast.KindHTMLBlock, renderRaw)
}

// textual begins a tag of such an element.
var textual = regexp.MustCompile(`(?i)<(/?(?:title|textarea|style|xmp|iframe|noembed|noframes|noscript|script|plaintext)(?:[\s/>]|$))`)

func renderRaw(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkSkipChildren, nil
	}
	write := func(s text.Segment) { _, _ = w.Write(textual.ReplaceAll(s.Value(source), []byte("&lt;$1"))) }
	switch n := n.(type) {
	case *ast.RawHTML:
		for i := range n.Segments.Len() {
			write(n.Segments.At(i))
		}
	case *ast.HTMLBlock:
		for i := range n.Lines().Len() {
			write(n.Lines().At(i))
		}
		if n.HasClosure() {
			write(n.ClosureLine)
		}
	}
	return ast.WalkContinue, nil
}
