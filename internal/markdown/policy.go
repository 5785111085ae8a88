package markdown

import (
	"regexp"

	"github.com/microcosm-cc/bluemonday"
)

// elements are those that a summary may have: GitHub's, without what loads or
// plays something.
var elements = []string{
	"a", "abbr", "b", "bdo", "blockquote", "br", "caption", "cite", "code", "dd", "del", "details", "dfn", "div", "dl", "dt", "em",
	"figcaption", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "input", "ins", "kbd", "li", "mark", "ol", "p", "pre", "q",
	"rp", "rt", "ruby", "s", "samp", "small", "span", "strike", "strong", "sub", "summary", "sup", "table", "tbody", "td", "tfoot", "th",
	"thead", "time", "tr", "tt", "u", "ul", "var", "wbr",
}

// newPolicy says which elements and attributes a summary may have. Ids and
// targets of links and images are looked at again by the writer.
func newPolicy() *bluemonday.Policy {
	match := regexp.MustCompile
	text128 := match(`^.{0,128}$`)
	id := match(`^[\w:.\-]{1,128}$`)
	number := match(`^[0-9]{1,3}$`)
	start := match(`^[0-9]{1,9}$`)
	length := match(`^[0-9]{1,4}(%|px)?$`)
	side := match(`(?i)^(left|right|center|justify)$`)
	level := match(`(?i)^(top|middle|bottom|baseline)$`)
	lang := match(`^[A-Za-z0-9+#.\-]{1,32}$`)
	way := match(`(?i)^(ltr|rtl|auto)$`)
	scope := match(`(?i)^(row|col|rowgroup|colgroup)$`)
	flag := match(`^.{0,16}$`) // its value says nothing
	box := match(`(?i)^checkbox$`)
	role := match(`^doc-(noteref|backlink|endnotes)$`)
	class := match(`^(language-[\w+#.\-]{1,32}|alert alert-(note|tip|important|warning|caution)|alert-title|footnotes|footnote-ref|footnote-backref)$`)

	p := bluemonday.NewPolicy()
	p.AllowElements(elements...)
	p.AllowElementsContent("frame", "frameset", "object") // their tags go, the text in them stays
	p.RequireParseableURLs(true)
	p.AllowRelativeURLs(true) // for #fragment
	p.AllowURLSchemes("http", "https", "mailto")
	p.AllowAttrs("href").OnElements("a")
	p.AllowAttrs("src").OnElements("img")
	p.AllowAttrs("id").Matching(id).Globally()
	p.AllowAttrs("name").Matching(id).OnElements("a")
	p.AllowNoAttrs().OnElements("a")
	p.AllowAttrs("title", "alt").Globally()
	p.AllowAttrs("dir").Matching(way).Globally()
	p.AllowAttrs("lang").Matching(lang).Globally()
	p.AllowAttrs("width", "height").Matching(length).OnElements("img", "table", "td", "th")
	p.AllowAttrs("align").Matching(side).OnElements("caption", "div", "h1", "h2", "h3", "h4", "h5", "h6", "img", "p", "table", "tbody", "td", "tfoot", "th", "thead", "tr")
	p.AllowAttrs("valign").Matching(level).OnElements("td", "th", "tr")
	p.AllowAttrs("colspan", "rowspan").Matching(number).OnElements("td", "th")
	p.AllowAttrs("scope").Matching(scope).OnElements("td", "th")
	p.AllowAttrs("start").Matching(start).OnElements("ol")
	p.AllowAttrs("datetime").Matching(text128).OnElements("del", "ins", "time")
	p.AllowAttrs("open").Matching(flag).OnElements("details")
	p.AllowAttrs("reversed").Matching(flag).OnElements("ol")
	p.AllowAttrs("type").Matching(box).OnElements("input")
	p.AllowAttrs("checked").Matching(flag).OnElements("input")
	p.AllowAttrs("role").Matching(role).OnElements("a", "div")
	p.AllowAttrs("class").Matching(class).OnElements("a", "blockquote", "code", "div", "p")
	return p
}
