package markdown

import (
	"strings"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// alerts makes an alert of a quote that begins with a line such as [!NOTE], and is
// in no other block.
type alerts struct{}

// titles are the kinds of alerts, with what stands above them.
var titles = map[string]string{
	"[!note]": "Note", "[!tip]": "Tip", "[!important]": "Important", "[!warning]": "Warning", "[!caution]": "Caution",
}

// Transform implements parser.ParagraphTransformer.
func (alerts) Transform(p *ast.Paragraph, reader text.Reader, _ parser.Context) {
	quote := p.Parent()
	if quote.Kind() != ast.KindBlockquote || quote.Parent().Kind() != ast.KindDocument || quote.FirstChild() != p || p.Lines().Len() == 0 {
		return
	}
	first := p.Lines().At(0)
	title, ok := titles[strings.ToLower(strings.TrimSpace(string(first.Value(reader.Source()))))]
	if !ok {
		return
	}
	quote.SetAttributeString("class", []byte("alert alert-"+strings.ToLower(title)))
	quote.SetAttributeString(alertTitle, []byte(title))
	if p.Lines().Len() == 1 {
		quote.RemoveChild(quote, p)
		return
	}
	p.Lines().SetSliced(1, p.Lines().Len())
}

// alertTitle is the attribute of a quote that has its title until it gets one.
const alertTitle = "alert-title"

// titled gives alerts their titles.
type titled struct{}

// Transform implements parser.ASTTransformer.
func (titled) Transform(doc *ast.Document, _ text.Reader, _ parser.Context) {
	for n := doc.FirstChild(); n != nil; n = n.NextSibling() {
		value, ok := n.AttributeString(alertTitle)
		if title, isText := value.([]byte); ok && isText {
			p := ast.NewParagraph()
			p.SetAttributeString("class", []byte(alertTitle))
			p.AppendChild(p, ast.NewString(title))
			n.InsertBefore(n, n.FirstChild(), p)
		}
	}
}
