// Package markdown makes HTML of the Markdown that a step writes about itself,
// its summary: what GitHub's Markdown has, and what the Actions toolkit writes.
//
// A summary is as hostile as anything that a job prints, and its HTML stands on a
// page of ours. It goes three ways, one behind the other:
//
//  1. github.com/yuin/goldmark reads the Markdown. What takes long or much memory
//     for its size has a price, and a summary has a budget (budget.go): a
//     paragraph or table that is too dear is shown as it was written, and so is
//     all that comes when nothing is left.
//  2. github.com/microcosm-cc/bluemonday lets through the elements and attributes
//     of a list (policy.go): no script, no style, no form, no URL but those of
//     the web and of mail.
//  3. A writer (writer.go) closes what is open and drops what closes nothing, so
//     that a summary cannot end the element that it is put into; it marks ids as
//     the user's, and turns images of hosts that are not allowed into links. What
//     a browser makes of its output is exactly what it wrote.
//
// The same summary and the same hosts give the same HTML. Time and memory of any
// summary of a megabyte are bounded; the tests say by how much.
package markdown

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync"

	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	emoji "github.com/yuin/goldmark-emoji"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// MaxOutput is how many bytes of HTML a summary may become, short of what closes
// open elements and says that there was more.
const MaxOutput = 4 << 20

// A Renderer renders summaries. It is safe for concurrent use.
type Renderer struct {
	stages func() *stages // made for the first summary: they take some MB
	hosts  map[string]bool
}

type stages struct {
	parser   parser.Parser
	renderer renderer.Renderer
	policy   *bluemonday.Policy
}

// New makes a renderer. Hosts are those whose images are shown, such as
// img.shields.io; images of all others are links.
func New(hosts ...string) *Renderer {
	r := &Renderer{stages: sync.OnceValue(newStages), hosts: make(map[string]bool, len(hosts))}
	for _, h := range hosts {
		r.hosts[h] = true
	}
	return r
}

func newStages() *stages {
	m := goldmark.New(
		goldmark.WithParser(parser.NewParser(
			parser.WithBlockParsers(blocks()...),
			parser.WithInlineParsers(parser.DefaultInlineParsers()...),
			parser.WithParagraphTransformers(append(parser.DefaultParagraphTransformers(),
				util.Prioritized(before{}, 50), util.Prioritized(alerts{}, 60), util.Prioritized(after{}, 900))...),
			parser.WithASTTransformers(util.Prioritized(titled{}, 890), util.Prioritized(links{}, 900)),
		)),
		goldmark.WithExtensions(
			extension.NewTable(extension.WithTableCellAlignMethod(extension.TableCellAlignAttribute)),
			extension.Strikethrough, extension.Linkify, extension.TaskList, footnotes{},
			emoji.New(emoji.WithRenderingMethod(emoji.Unicode)),
		),
		goldmark.WithRendererOptions(html.WithUnsafe(), renderer.WithNodeRenderers(util.Prioritized(raw{}, 100))),
	)
	return &stages{m.Parser(), m.Renderer(), newPolicy()}
}

// Render makes HTML of a summary, to stand in an element that may hold blocks. An
// error is a fault of this package or a library; the HTML is then the text.
func (r *Renderer) Render(source []byte) (text string, err error) {
	defer func() {
		if p := recover(); p != nil {
			w := writer{}
			w.tag("pre", nil)
			w.text(string(source[:min(len(source), MaxOutput/5)])) // a character is five at most
			w.close(0)
			text, err = w.out.String(), fmt.Errorf("rendering panicked: %v", p)
		}
	}()
	return r.render(source), nil
}

func (r *Renderer) render(source []byte) string {
	through := r.stages()
	doc := through.parser.Parse(text.NewReader(source))
	sum := sha256.Sum256(source)
	doc.OwnerDocument().AddMeta(footnotePrefix, hex.EncodeToString(sum[:4])+"-")
	first := &capped{left: 2 * MaxOutput}
	_ = through.renderer.Render(first, source, doc) // fails only when first is full
	second := &capped{left: 2 * MaxOutput}
	_ = through.policy.SanitizeReaderToWriter(&first.Buffer, second) // as above
	w := writer{hosts: r.hosts}
	w.copy(&second.Buffer, first.full || second.full)
	return w.out.String()
}

// A capped is a buffer that refuses what is too much.
type capped struct {
	bytes.Buffer

	left int
	full bool
}

// Write implements io.Writer.
func (c *capped) Write(p []byte) (int, error) {
	if c.left -= len(p); c.left < 0 {
		c.full = true
		return 0, bytes.ErrTooLarge
	}
	return c.Buffer.Write(p)
}

// WriteString implements io.StringWriter.
func (c *capped) WriteString(s string) (int, error) {
	if c.left -= len(s); c.left < 0 {
		c.full = true
		return 0, bytes.ErrTooLarge
	}
	return c.Buffer.WriteString(s)
}

// links takes links out of a document whose targets add up to more than twice the
// document: each may name one definition with a long target.
type links struct{}

// Transform implements parser.ASTTransformer.
func (links) Transform(doc *ast.Document, reader text.Reader, _ parser.Context) {
	left := 2*len(reader.Source()) + 1<<10
	var dear []ast.Node
	// The function never fails.
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		var l ast.Link
		switch n := n.(type) {
		case *ast.Link:
			l = *n
		case *ast.Image:
			l.Destination, l.Title = n.Destination, n.Title
		}
		if left -= len(l.Destination) + len(l.Title); left < 0 && l.Destination != nil {
			dear = append(dear, n)
		}
		return ast.WalkContinue, nil
	})
	for _, n := range dear {
		parent := n.Parent()
		for child := n.FirstChild(); child != nil; child = n.FirstChild() {
			parent.InsertBefore(parent, n, child)
		}
		parent.RemoveChild(parent, n)
	}
}
