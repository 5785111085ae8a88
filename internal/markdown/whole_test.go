package markdown_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// elements are all that may come out, and attributes too.
var (
	elements = strings.Fields(`a abbr b bdo blockquote br caption cite code dd del details dfn div dl dt em figcaption figure h3 h4 h5 h6 hr i img
		input ins kbd li mark ol p pre q rp rt ruby s samp small span strike strong sub summary sup table tbody td tfoot th thead time tr tt u ul var wbr`)
	attributes = strings.Fields(`align alt checked class colspan datetime dir disabled height href id lang loading name open referrerpolicy rel reversed
		role rowspan scope src start title type valign width`)
)

// mustBeWhole checks HTML as a browser reads it: nothing but what is allowed, and
// every element closed where it says.
func mustBeWhole(t *testing.T, text string) {
	t.Helper()
	body := &html.Node{Type: html.ElementNode, Data: "div", DataAtom: atom.Div}
	nodes, err := html.ParseFragment(strings.NewReader(text), body)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, n := range nodes {
		all = events(all, n)
	}
	wrote, read := joined(written(text)), joined(all)
	if !slices.Equal(wrote, read) {
		same := 0
		for same < min(len(wrote), len(read)) && wrote[same] == read[same] {
			same++
		}
		t.Errorf("written: %.300q\na browser reads: %.300q\nin %.2000s", wrote[same:], read[same:], text)
	}
	for n := range everything(nodes) {
		mustBeAllowed(t, n)
	}
}

func everything(nodes []*html.Node) func(func(*html.Node) bool) {
	return func(yield func(*html.Node) bool) {
		for _, n := range nodes {
			if !yield(n) {
				return
			}
			for d := range n.Descendants() {
				if !yield(d) {
					return
				}
			}
		}
	}
}

func mustBeAllowed(t *testing.T, n *html.Node) {
	t.Helper()
	if n.Type == html.TextNode {
		return
	}
	if n.Type != html.ElementNode || n.Namespace != "" || !slices.Contains(elements, n.Data) {
		t.Errorf("%q may not be there", n.Data)
	}
	for _, a := range n.Attr {
		if !slices.Contains(attributes, a.Key) {
			t.Errorf("%s may not have %s=%q", n.Data, a.Key, a.Val)
		}
		u, err := url.Parse(a.Val)
		id := strings.TrimPrefix(a.Val, "#")
		switch a.Key {
		case "id", "name":
			if !strings.HasPrefix(a.Val, "user-content-") {
				t.Errorf("%s may not have the id %q", n.Data, a.Val)
			}
		case "href":
			if err != nil || u.Scheme != "https" && u.Scheme != "http" && u.Scheme != "mailto" && !strings.HasPrefix(id, "user-content-") {
				t.Errorf("%s may not lead to %q", n.Data, a.Val)
			}
		case "src":
			if err != nil || u.Scheme != "https" || !strings.EqualFold(u.Host, badges) {
				t.Errorf("%s may not load %q", n.Data, a.Val)
			}
		case "type":
			if n.Data != "input" || !strings.EqualFold(a.Val, "checkbox") {
				t.Errorf("%s may not be a %s", n.Data, a.Val)
			}
		}
	}
}

var voids = strings.Fields("br hr img input wbr")

// events adds the start, the content and the end of a node to a list.
func events(list []string, n *html.Node) []string {
	if n.Type == html.TextNode {
		return append(list, n.Data)
	}
	list = append(list, "<"+n.Data)
	for c := range n.ChildNodes() {
		list = events(list, c)
	}
	return append(list, ">"+n.Data)
}

// written are the events of HTML as it is written.
func written(text string) []string {
	var list []string
	z := html.NewTokenizer(strings.NewReader(text))
	for z.Next() != html.ErrorToken {
		switch t := z.Token(); t.Type {
		case html.StartTagToken:
			if list = append(list, "<"+t.Data); slices.Contains(voids, t.Data) {
				list = append(list, ">"+t.Data)
			}
		case html.EndTagToken:
			list = append(list, ">"+t.Data)
		case html.TextToken:
			if len(list) > 0 && list[len(list)-1] == "<pre" {
				t.Data = strings.TrimPrefix(t.Data, "\n") // as a browser does
			}
			list = append(list, t.Data)
		default:
			list = append(list, t.String())
		}
	}
	return list
}

// joined puts neighbours that are text together.
func joined(list []string) []string {
	var out []string
	var text strings.Builder
	for _, s := range append(list, "<") {
		if strings.HasPrefix(s, "<") || strings.HasPrefix(s, ">") {
			out = append(out, text.String(), s)
			text.Reset()
			continue
		}
		text.WriteString(s)
	}
	return out
}
