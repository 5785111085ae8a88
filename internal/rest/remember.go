package rest

import (
	"net/http"
	"time"

	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/recent"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/version"
)

const (
	maxAnswers    = 1 << 15  // that are remembered
	maxRemembered = 16 << 20 // bytes of all of them
	maxOne        = 1 << 20  // bytes of one of them
)

// An answerKey is all that an answer depends on, beside the data and the time.
type answerKey struct {
	repoID      int64
	path, query string
	base        shape.Base
	version     version.Version
}

// An answer is one that was given with status 200.
type answer struct {
	until time.Time // not good from then on; zero for no end
	body  []byte
	etag  string
	link  []string
}

func newAnswers() *recent.Cache[answerKey, *answer] {
	return recent.New[answerKey, *answer](maxAnswers, maxRemembered)
}

// remembered answers from memory if the data has not changed since, and by the
// handler if it has. What the handler writes must depend on nothing but the
// repository's data, what is set for it, and the key, and on the time only as [Call.GoodUntil] says.
func (a *API) remembered(w http.ResponseWriter, r *http.Request, op *endpoint, c *Call) error {
	// The revision comes before all that the answer is made of, which may only be
	// newer. It is also that of the record, which is remembered apart: notices of
	// one change may come one after the other.
	revision := a.Store.Revision(store.RepoTopic(c.Repo.ID), store.RecordTopic(c.Repo.ID), store.SettingsTopic(), store.AccessTopic())
	key := answerKey{c.Repo.ID, r.URL.Path, r.URL.RawQuery, c.Base, c.Version}
	if known, ok := a.answers.GetAt(key, revision); ok && (known.until.IsZero() || a.Now().Before(known.until)) {
		known.send(w, r)
		return nil
	}
	if err := a.findAgain(r, c); err != nil {
		return err
	}
	rec := &recorder{header: w.Header()}
	if err := op.Handle(rec, withCall(r, c)); err != nil {
		return err
	}
	if rec.status != http.StatusOK {
		rec.send(w, r)
		return nil
	}
	made := &answer{c.until, rec.body, httpjson.ETag(rec.body), rec.header["Link"]}
	if size := len(made.body) + len(key.path) + len(key.query) + 512; size <= maxOne {
		a.answers.PutAt(key, made, size, revision)
	}
	made.send(w, r)
	return nil
}

// findAgain finds the repository of a call anew: it was found before the revision
// was known for which the answer is remembered.
func (a *API) findAgain(r *http.Request, c *Call) error {
	was := c.Repo.ID
	c.Repo = nil
	if err := a.find(r, c, auth.Repo); err != nil {
		return err
	}
	if c.Repo.ID != was { // it has another name now, and nobody asked who may see this one
		return ErrNotFound
	}
	return nil
}

func (n *answer) send(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h["Content-Type"] = contentType
	if n.link != nil {
		h["Link"] = n.link
	}
	sendTagged(w, r, n.body, n.etag)
}

var contentType = []string{httpjson.ContentType}
