package markdown

import (
	"io"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// maxOpen is how many elements may be open at once. Tags of more are dropped.
const maxOpen = 100

// A writer writes elements that the policy let through so that each is closed where
// a browser would close it: every element that it opens has an end tag, in order,
// and no end tag is without one. So nothing in a summary can end what is around it,
// and a browser has nothing to mend, which can multiply what is there.
type writer struct {
	hosts map[string]bool // whose images are shown

	out  strings.Builder
	open []string // elements
	full bool
}

// copy writes all of a document that has been through the policy. Cut says that
// there was more of it.
func (w *writer) copy(document io.Reader, cut bool) {
	z := html.NewTokenizer(document)
	for !w.full && z.Next() != html.ErrorToken {
		switch t := z.Token(); t.Type {
		case html.TextToken:
			w.text(t.Data)
		case html.StartTagToken, html.SelfClosingTagToken:
			w.start(t)
		case html.EndTagToken:
			w.end(level3(t.Data))
		case html.CommentToken, html.DoctypeToken, html.ErrorToken: // not let through
		}
		w.full = w.out.Len() > MaxOutput
	}
	w.close(0)
	if w.full || cut {
		w.out.WriteString("<p><em>There is more of this summary than is shown.</em></p>\n")
	}
}

var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\x00", "")

// text writes text. What stands in a table and in no cell gets one.
func (w *writer) text(s string) {
	if w.top(tableParts...) {
		if strings.TrimSpace(s) == "" {
			return
		}
		w.cell()
	}
	_, _ = escaper.WriteString(&w.out, s)
}

var (
	tableParts = []string{"table", "thead", "tbody", "tfoot", "tr"} // hold no text themselves
	cells      = []string{"td", "th", "caption"}
	headings   = []string{"h1", "h2", "h3", "h4", "h5", "h6"}
	blockTags  = append([]string{ // no p goes on in them
		"blockquote", "dd", "details", "div", "dl", "dt", "figcaption", "figure", "hr", "li", "ol", "p", "pre", "summary", "table", "ul",
	}, headings...)
	lists = []string{"blockquote", "dd", "details", "dl", "dt", "figcaption", "figure", "li", "ol", "pre", "summary", "table", "td", "th", "caption", "ul"} // an item of a list outside of them is not ended by one inside
	voids = []string{"br", "hr", "img", "input", "wbr"}
)

// top says whether the innermost open element is one of these.
func (w *writer) top(names ...string) bool {
	return len(w.open) > 0 && slices.Contains(names, w.open[len(w.open)-1])
}

// find is where the innermost open element with one of the names is, not looking
// beyond those named as walls; -1 for nowhere.
func (w *writer) find(names, walls []string) int {
	for i, name := range slices.Backward(w.open) {
		switch {
		case slices.Contains(names, name):
			return i
		case slices.Contains(walls, name):
			return -1
		}
	}
	return -1
}

// close ends all open elements but the first n.
func (w *writer) close(n int) {
	for _, name := range slices.Backward(w.open[n:]) {
		w.out.WriteString("</" + name + ">")
	}
	w.open = w.open[:n]
}

// closeOne ends the innermost of these elements and what is in it, if there is one.
func (w *writer) closeOne(names, walls []string) {
	if i := w.find(names, walls); i >= 0 {
		w.close(i)
	}
}

// end ends an element. An end tag without a start is dropped.
func (w *writer) end(name string) {
	switch {
	case name == "table":
		w.closeOne([]string{name}, nil)
	case slices.Contains(tableParts, name), slices.Contains(cells, name):
		w.closeOne([]string{name}, []string{"table"})
	default:
		w.closeOne([]string{name}, walls)
	}
}

// walls are what no tag inside ends an element outside of.
var walls = append([]string{"table"}, cells...)

// start writes a start tag, and ends what a browser would end at it.
func (w *writer) start(t html.Token) {
	name := level3(t.Data)
	if !w.place(name) {
		return
	}
	switch name {
	case "li":
		w.closeOne([]string{"li"}, lists)
	case "dd", "dt":
		w.closeOne([]string{"dd", "dt"}, lists)
	case "a":
		w.closeOne([]string{"a"}, walls)
	case "rt", "rp":
		if w.find([]string{"ruby"}, walls) >= 0 {
			for w.top("rt", "rp", "p", "li", "dd", "dt") {
				w.close(len(w.open) - 1)
			}
		}
	case "img":
		w.image(t.Attr)
		return
	}
	if slices.Contains(blockTags, name) {
		w.closeOne([]string{"p"}, walls)
	}
	if slices.Contains(headings, name) && w.top(headings...) {
		w.close(len(w.open) - 1)
	}
	w.tag(name, attributes(name, t.Attr))
}

// tag writes a start tag as it is.
func (w *writer) tag(name string, attrs []html.Attribute) {
	void := slices.Contains(voids, name)
	if !void && len(w.open) >= maxOpen {
		return
	}
	t := html.Token{Type: html.StartTagToken, Data: name, Attr: attrs}
	w.out.WriteString(t.String())
	if !void {
		w.open = append(w.open, name)
	}
}

// place makes sure that parts of tables are where they belong, and that all else in
// a table is in a cell. A part of no table is dropped.
func (w *writer) place(name string) bool {
	var parents []string
	switch name {
	case "thead", "tbody", "tfoot", "caption":
		parents = []string{"table"}
	case "tr":
		parents = []string{"thead", "tbody", "tfoot", "table"}
	case "td", "th":
		parents = []string{"tr", "thead", "tbody", "tfoot", "table"}
	default:
		if w.top(tableParts...) {
			w.cell()
		}
		return true
	}
	i := w.find(parents, nil)
	if table := w.find([]string{"table"}, nil); i < table || table < 0 {
		return false
	}
	w.close(i + 1)
	w.rows(name)
	return true
}

// rows opens what must be around a part of a table.
func (w *writer) rows(name string) {
	if w.top("table") && (name == "tr" || name == "td" || name == "th") {
		w.tag("tbody", nil)
	}
	if w.top("thead", "tbody", "tfoot") && (name == "td" || name == "th") {
		w.tag("tr", nil)
	}
}

// cell opens a cell in a table.
func (w *writer) cell() {
	w.rows("td")
	w.tag("td", nil)
}

// attributes are those of a tag, each once.
func attributes(name string, attrs []html.Attribute) []html.Attribute {
	var out []html.Attribute
	for _, a := range attrs[:min(len(attrs), 16)] {
		a.Namespace = ""
		switch a.Key {
		case "id", "name":
			a.Val = userContent + a.Val
		case "href":
			if a.Val = target(a.Val); a.Val == "" {
				continue
			}
		}
		if !slices.ContainsFunc(out, func(b html.Attribute) bool { return a.Key == b.Key }) {
			out = append(out, a)
		}
	}
	switch {
	case name == "a" && !strings.HasPrefix(value(out, "href"), "#") && value(out, "href") != "":
		out = append(out, html.Attribute{Key: "rel", Val: "noopener nofollow"})
	case name == "input":
		out = append(out, html.Attribute{Key: "disabled"})
	}
	return out
}

// userContent marks ids that the user gave, so that no script or style of ours
// takes what has one for its own.
const userContent = "user-content-"

func value(attrs []html.Attribute, key string) string {
	for _, a := range attrs {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// target is where a link may lead: to a web site or a mail address, in full, or
// within the summary; else it is empty.
func target(href string) string {
	if id, ok := strings.CutPrefix(href, "#"); ok {
		return "#" + userContent + id
	}
	u, err := url.Parse(href)
	if err != nil {
		return ""
	}
	switch u.Scheme {
	case "http", "https":
		if u.Host != "" {
			return href
		}
	case "mailto":
		return href
	}
	return ""
}

// image writes an image of a host that is allowed, and a link to any other: to
// load it would tell that host who reads the page.
func (w *writer) image(attrs []html.Attribute) {
	src := target(value(attrs, "src"))
	u, err := url.Parse(src)
	if err == nil && u.Scheme == "https" && w.hosts[strings.ToLower(u.Host)] {
		attrs = slices.DeleteFunc(attributes("img", attrs), func(a html.Attribute) bool { return a.Key == "src" })
		w.tag("img", append(attrs, html.Attribute{Key: "src", Val: src}, html.Attribute{Key: "loading", Val: "lazy"}, html.Attribute{Key: "referrerpolicy", Val: "no-referrer"}))
		return
	}
	alt := value(attrs, "alt")
	if strings.TrimSpace(alt) == "" {
		alt = "image"
	}
	link := w.find([]string{"a"}, walls) < 0 && strings.Contains(src, "://")
	if n := len(w.open); link {
		w.tag("a", attributes("a", []html.Attribute{{Key: "href", Val: src}}))
		w.text(alt)
		w.close(n)
		return
	}
	w.text(alt)
}

// level3 puts headings below that of the summary, which is of the second level.
func level3(name string) string {
	if len(name) == 2 && name[0] == 'h' && '1' <= name[1] && name[1] <= '6' {
		return "h" + string(min(name[1]+2, '6'))
	}
	return name
}
