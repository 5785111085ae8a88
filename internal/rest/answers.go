package rest

import (
	"encoding/hex"
	"net/http"
	"net/url"

	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/store"
)

// noContent answers that it is done.
func noContent(w http.ResponseWriter) error {
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// done answers with an empty object, as GitHub does where a service goes on
// with the work.
func done(w http.ResponseWriter, status int) error {
	return httpjson.Write(w, status, struct{}{})
}

// redirect sends the caller to another URL.
func redirect(w http.ResponseWriter, to string, err error) error {
	if err != nil {
		return err
	}
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusFound)
	return nil
}

// A listing is the part of a list that a request asks for.
type listing struct {
	query url.Values
	page  httpjson.Page
}

func listingOf(r *http.Request) listing {
	q := r.URL.Query()
	return listing{q, httpjson.PageOf(q)}
}

// rows is the page as the store takes it.
func (l listing) rows() store.Page { return store.Page(l.page) }

// link sets the Link header of a list with total entries.
func (l listing) link(w http.ResponseWriter, r *http.Request, total int) {
	httpjson.SetLink(w, callOf(r).base.API+r.URL.EscapedPath(), l.query, l.page, total)
}

// slice is the page of a list that is all in memory.
func slice[T any](all []T, p httpjson.Page) []T {
	from := min((p.Number-1)*p.Size, len(all))
	return all[from:min(from+p.Size, len(all))]
}

func hexadecimal(b []byte) string { return hex.EncodeToString(b) }
