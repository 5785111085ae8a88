package rest

import (
	"container/list"
	"net/http"
	"sync"
	"time"

	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/version"
)

const (
	maxRemembered = 16 << 20 // bytes of all remembered answers
	maxOne        = 1 << 20  // bytes of one of them
)

// responses are the answers that are remembered, least recently used first to go.
type responses struct {
	limit int

	mu    sync.Mutex
	byKey map[responseKey]*list.Element
	order *list.List // of *response, newest first
	size  int        // bytes of all bodies and keys
}

// A responseKey is all that an answer depends on, beside the data and the time.
type responseKey struct {
	repoID      int64
	path, query string
	base        shape.Base
	version     version.Version
}

type response struct {
	key        responseKey
	generation uint64
	until      time.Time // not good from then on; zero for ever
	body       []byte
	etag       string
	link       []string
}

func newResponses(limit int) *responses {
	return &responses{limit: limit, byKey: make(map[responseKey]*list.Element), order: list.New()}
}

// get returns the answer of that generation, nil for none that is good now.
func (s *responses) get(k responseKey, generation uint64, now time.Time) *response {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.byKey[k]
	if !ok {
		return nil
	}
	res := e.Value.(*response)
	if res.generation != generation || !res.until.IsZero() && !now.Before(res.until) {
		s.remove(e)
		return nil
	}
	s.order.MoveToFront(e)
	return res
}

func (s *responses) put(res *response) {
	if res.cost() > maxOne {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if e, ok := s.byKey[res.key]; ok {
		s.remove(e)
	}
	s.byKey[res.key] = s.order.PushFront(res)
	s.size += res.cost()
	for s.size > s.limit {
		s.remove(s.order.Back())
	}
}

func (s *responses) remove(e *list.Element) {
	res := s.order.Remove(e).(*response)
	delete(s.byKey, res.key)
	s.size -= res.cost()
}

// cost is about what the answer takes in memory.
func (res *response) cost() int { return len(res.body) + len(res.key.path) + len(res.key.query) + 512 }

// remembered answers from memory if the data has not changed since, and by the
// handler if it has. What the handler writes must depend on nothing but the
// repository's data and the key, and on the time only as [Call.GoodUntil] says.
func (a *API) remembered(w http.ResponseWriter, r *http.Request, op *endpoint, c *Call) error {
	// The generation is read before the data: an answer may only be newer.
	generation, counted := a.Store.Generation(c.Repo.ID)
	key := responseKey{c.Repo.ID, r.URL.Path, r.URL.RawQuery, c.Base, c.Version}
	if counted {
		if res := a.responses.get(key, generation, a.Now()); res != nil {
			h := w.Header()
			h["Content-Type"] = contentType
			if res.link != nil {
				h["Link"] = res.link
			}
			sendTagged(w, r, res.body, res.etag)
			return nil
		}
	}
	rec := &recorder{header: w.Header()}
	if err := op.Handle(rec, withCall(r, c)); err != nil {
		return err
	}
	if !counted || rec.status != http.StatusOK {
		rec.send(w, r)
		return nil
	}
	etag := httpjson.ETag(rec.body)
	a.responses.put(&response{key, generation, c.until, rec.body, etag, rec.header["Link"]})
	sendTagged(w, r, rec.body, etag)
	return nil
}

var contentType = []string{httpjson.ContentType}
