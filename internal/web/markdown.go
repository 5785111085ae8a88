package web

import (
	"bytes"
	"html/template"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// newMarkdown makes the renderer of summaries: GitHub's tables, lists of tasks
// and the like, but no raw HTML, no images, and only links that lead to a web site
// or a mail address.
func newMarkdown() goldmark.Markdown {
	return goldmark.New(
		goldmark.WithExtensions(extension.GFM),
		goldmark.WithParserOptions(parser.WithASTTransformers(util.Prioritized(tamer{}, 1000))),
	)
}

// markdown renders a summary. One that would take long to render is shown as text.
func (s *Site) markdown(source []byte) template.HTML {
	var b bytes.Buffer
	if !calm(source) || s.renderer.Convert(source, &b) != nil {
		return asIs(source)
	}
	return template.HTML(b.String()) // the renderer escapes
}

// asIs shows Markdown as text.
func asIs(source []byte) template.HTML {
	return template.HTML("<pre>" + template.HTMLEscapeString(string(source)) + "</pre>") // escaped
}

const (
	maxMarks   = 3000 // of emphasis and links between two blank lines
	maxNesting = 32   // of quotes and lists that begin in one line
)

// calm says whether rendering source takes little time. The time for one
// paragraph, and for blocks nested in one line, can grow with the square of their
// size.
func calm(source []byte) bool {
	marks := 0
	for line := range bytes.Lines(source) {
		text := bytes.TrimLeft(line, " \t>-+*.)0123456789")
		blocks := line[:len(line)-len(text)]
		if len(blocks)-bytes.Count(blocks, []byte(" "))-bytes.Count(blocks, []byte("\t")) > 2*maxNesting && bytes.ContainsAny(blocks, " \t>") {
			return false
		}
		if len(bytes.TrimSpace(line)) == 0 {
			marks = 0
			continue
		}
		for _, c := range line {
			switch c {
			case '[', ']', '*', '_', '~', '<':
				marks++
			}
		}
		if marks > maxMarks {
			return false
		}
	}
	return true
}

// A tamer turns what a summary must not have into text.
type tamer struct{}

// summaryLevel is the level of the heading above a summary: its own are below.
const summaryLevel = 2

// Transform changes links and images of a document.
func (tamer) Transform(doc *ast.Document, reader text.Reader, _ parser.Context) {
	var links []ast.Node
	// The walker below never fails.
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering {
			switch n.Kind() {
			case ast.KindLink, ast.KindAutoLink, ast.KindImage:
				links = append(links, n)
			case ast.KindHeading:
				if h, ok := n.(*ast.Heading); ok {
					h.Level = min(h.Level+summaryLevel, 6)
				}
			}
		}
		return ast.WalkContinue, nil
	})
	for _, n := range links {
		tame(n, reader.Source())
	}
}

func tame(n ast.Node, source []byte) {
	var target []byte
	switch n := n.(type) {
	case *ast.Link:
		target = n.Destination
	case *ast.AutoLink:
		if target = n.URL(source); n.AutoLinkType == ast.AutoLinkEmail {
			target = []byte("mailto:")
		}
	}
	if leadsOut(string(target)) {
		n.SetAttributeString("rel", []byte("noopener nofollow"))
		return
	}
	parent := n.Parent()
	if a, ok := n.(*ast.AutoLink); ok {
		label := ast.NewString(a.Label(source))
		label.SetRaw(true) // rendered as it is, escaped
		parent.ReplaceChild(parent, n, label)
		return
	}
	for child := n.FirstChild(); child != nil; child = n.FirstChild() {
		parent.InsertBefore(parent, n, child)
	}
	parent.RemoveChild(parent, n)
}

// leadsOut says whether a link may be followed from a page: to a web site or to
// a mail address, in full.
func leadsOut(target string) bool {
	scheme, rest, ok := strings.Cut(target, ":")
	if !ok {
		return false
	}
	switch strings.ToLower(scheme) {
	case "http", "https":
		return strings.HasPrefix(rest, "//")
	case "mailto":
		return true
	}
	return false
}
