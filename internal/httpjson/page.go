package httpjson

import (
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
)

const (
	defaultPageSize = 30
	maxPageSize     = 100
	maxPageNumber   = 1 << 24 // far behind any list; keeps products small
)

// PageOf reads the parameters page and per_page. As on GitHub, what is no
// number or too small stands for the default, and what is too large for the
// maximum of 100.
func PageOf(query url.Values) actions.Page { return PageUpTo(query, defaultPageSize, maxPageSize) }

// PageUpTo is PageOf for a list whose pages have another size, where nothing is said,
// and at most.
func PageUpTo(query url.Values, standard, most int) actions.Page {
	return actions.Page{
		Number: clamped(query.Get("page"), 1, maxPageNumber),
		Size:   clamped(query.Get("per_page"), standard, most),
	}
}

func clamped(text string, standard, most int) int {
	if text == "" {
		return standard
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return standard
	}
	return min(n, most)
}

// SetLink sets the Link header of page p of a list that has total entries.
// target is the absolute URL of the list without its query. A list that fits
// on one page has no such header.
func SetLink(w http.ResponseWriter, target string, query url.Values, p actions.Page, total int) {
	last := p.Last(total)
	links := links{target: target, query: query}
	if p.Number > 1 {
		links.add("prev", min(p.Number-1, last))
	}
	if p.Number < last {
		links.add("next", p.Number+1)
		links.add("last", last)
	}
	if p.Number > 1 {
		if p.Number > last {
			links.add("last", last)
		}
		links.add("first", 1)
	}
	links.set(w)
}

// SetLinkNext is [SetLink] for a list of which nobody has counted the entries: more says
// that there are some after the page.
func SetLinkNext(w http.ResponseWriter, target string, query url.Values, p actions.Page, more bool) {
	links := links{target: target, query: query}
	if p.Number > 1 {
		links.add("prev", p.Number-1)
	}
	if more {
		links.add("next", p.Number+1)
	}
	if p.Number > 1 {
		links.add("first", 1)
	}
	links.set(w)
}

// links are the entries of a Link header.
type links struct {
	target string
	query  url.Values
	list   []string
}

func (l *links) add(rel string, number int) {
	q := url.Values{}
	maps.Copy(q, l.query)
	q.Set("page", strconv.Itoa(number))
	l.list = append(l.list, "<"+l.target+"?"+q.Encode()+`>; rel="`+rel+`"`)
}

func (l *links) set(w http.ResponseWriter) {
	if len(l.list) > 0 {
		w.Header().Set("Link", strings.Join(l.list, ", "))
	}
}
