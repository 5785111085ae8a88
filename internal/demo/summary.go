package demo

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/understudy-ci/understudy/internal/client"
)

// summary reads the summaries of a run from its page, as text for a terminal.
func summary(ctx context.Context, c *client.Client, page string) (string, error) {
	text, err := c.Fetch(ctx, page)
	if err != nil {
		return "", err
	}
	return summaryOf(string(text))
}

// Summaries are sections of the class md on the page, below the name of their job.
const (
	sectionStart = `<section class="box md">`
	sectionEnd   = `</section>`
	headingStart = `<h2>`
	headingEnd   = `</h2>`
)

// summaryOf is the text of the summaries on a page.
func summaryOf(page string) (string, error) {
	var all []string
	for {
		_, rest, ok := strings.Cut(page, sectionStart)
		if !ok {
			return strings.Join(all, "\n"), nil
		}
		section, after, ok := strings.Cut(rest, sectionEnd)
		if !ok {
			return "", errors.New("a summary on the page does not end")
		}
		if _, below, ok := strings.Cut(section, headingEnd); ok && strings.HasPrefix(section, headingStart) {
			section = below
		}
		text, err := plain(section)
		if err != nil {
			return "", err
		}
		all, page = append(all, text), after
	}
}

// A renderer makes text of HTML that came from Markdown.
type renderer struct {
	out   strings.Builder
	line  strings.Builder // of the paragraph or cell
	item  bool            // the next paragraph begins an item of a list
	table [][]string      // the rows of the table
}

// plain is the text of HTML: headings, paragraphs, lists and tables.
func plain(html string) (string, error) {
	d := xml.NewDecoder(strings.NewReader(html))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	var r renderer
	for {
		t, err := d.Token()
		switch {
		case errors.Is(err, io.EOF):
			r.paragraph()
			return r.out.String(), nil
		case err != nil:
			return "", fmt.Errorf("summary: %w", err)
		}
		switch t := t.(type) {
		case xml.StartElement:
			r.start(t.Name.Local)
		case xml.EndElement:
			r.end(t.Name.Local)
		case xml.CharData:
			r.line.WriteString(printable(strings.ReplaceAll(string(t), "\n", " ")))
		}
	}
}

func (r *renderer) start(tag string) {
	switch tag {
	case "h1", "h2", "h3", "h4", "p", "table":
		r.paragraph()
	case "li":
		r.paragraph()
		r.item = true
	case "tr":
		r.table = append(r.table, nil)
	case "td", "th":
		r.line.Reset()
	case "br":
		r.line.WriteByte(' ')
	}
}

func (r *renderer) end(tag string) {
	switch tag {
	case "h1", "h2", "h3", "h4", "p", "li", "ul", "ol":
		r.paragraph()
	case "td", "th":
		if n := len(r.table); n > 0 {
			r.table[n-1] = append(r.table[n-1], r.text())
		}
	case "table":
		r.line.Reset()
		r.gap()
		r.out.WriteString(aligned(r.table))
		r.table = nil
	}
}

// text is the line that was collected.
func (r *renderer) text() string {
	text := strings.Join(strings.Fields(r.line.String()), " ")
	r.line.Reset()
	return text
}

// paragraph writes the line that was collected, if there is anything in it.
func (r *renderer) paragraph() {
	text := r.text()
	switch {
	case text == "":
		return
	case r.item:
		text, r.item = "- "+text, false
	default:
		r.gap()
	}
	r.out.WriteString(text + "\n")
}

// gap leaves a line free between what stands on its own.
func (r *renderer) gap() {
	if r.out.Len() > 0 {
		r.out.WriteByte('\n')
	}
}

// aligned is a table whose columns stand below each other. Its first row says
// what they are.
func aligned(rows [][]string) string {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for n, row := range rows {
		var line, rule strings.Builder
		for i, cell := range row {
			line.WriteString(pad(cell, widths[i]) + "   ")
			rule.WriteString(strings.Repeat("─", widths[i]) + "   ")
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
		if n == 0 {
			b.WriteString(strings.TrimRight(rule.String(), " ") + "\n")
		}
	}
	return b.String()
}
