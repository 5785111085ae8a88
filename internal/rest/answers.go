package rest

import (
	"net/http"
	"net/url"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
)

// NoContent answers that it is done.
func NoContent(w http.ResponseWriter) error {
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// Done answers with an empty object, as GitHub does where a service goes on
// with the work.
func Done(w http.ResponseWriter, status int) error {
	return httpjson.Write(w, status, struct{}{})
}

// Redirect sends the caller to another URL, unless err says that there is none.
func Redirect(w http.ResponseWriter, to string, err error) error {
	if err != nil {
		return err
	}
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusFound)
	return nil
}

// A Listing is the part of a list that a request asks for.
type Listing struct {
	Query url.Values
	Page  actions.Page
}

// ListingOf reads which part of a list a request asks for.
func ListingOf(r *http.Request) Listing {
	q := r.URL.Query()
	return Listing{q, httpjson.PageOf(q)}
}

// ListingUpTo is ListingOf for a list whose pages have another size, where nothing is
// said, and at most.
func ListingUpTo(r *http.Request, standard, most int) Listing {
	q := r.URL.Query()
	return Listing{q, httpjson.PageUpTo(q, standard, most)}
}

// Link sets the Link header of a list with total entries.
func (l Listing) Link(w http.ResponseWriter, r *http.Request, total int) {
	httpjson.SetLink(w, CallOf(r).Base.API+r.URL.EscapedPath(), l.Query, l.Page, total)
}

// LinkNext is Link for a list of which nobody has counted the entries: more says that there
// are some after the page.
func (l Listing) LinkNext(w http.ResponseWriter, r *http.Request, more bool) {
	httpjson.SetLinkNext(w, CallOf(r).Base.API+r.URL.EscapedPath(), l.Query, l.Page, more)
}
