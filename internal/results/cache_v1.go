package results

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/cache"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/wire"
)

const (
	cacheRoot = legacyRoot + "artifactcache/"
	cachePath = cacheRoot + "caches"
)

// cachesV1 are the routes of the older cache service (CACHE-6). Clients
// that believe the server to be an Enterprise Server use it, and actions that run in
// containers. What they keep is a cache like any other.
func (a *API) cachesV1() map[string]handler {
	return map[string]handler{
		"GET " + cacheRoot + "cache":   a.findCacheV1,
		"GET " + cachePath:             a.listCachesV1,
		"POST " + cachePath:            a.reserveCacheV1,
		"PATCH " + cachePath + "/{id}": a.putCacheV1,
		"POST " + cachePath + "/{id}":  a.commitCacheV1,
	}
}

// asCacheV1 answers the errors of h as clients of version 1 read them; what is
// for the log stays an error.
func asCacheV1(h handler) handler {
	return func(w http.ResponseWriter, c *call) error {
		err := h(w, c)
		kind := actions.KindOf(err)
		if err == nil || kind == actions.Internal {
			return err
		}
		body := wire.ErrorV1{Message: httpjson.Message(err)}
		status := httpjson.StatusOf(kind)
		switch {
		case errors.Is(err, cache.ErrExists):
			body.TypeKey = wire.CacheExistsType
		case kind == actions.Invalid:
			status = http.StatusBadRequest // clients show the message
		}
		setRetryAfter(w.Header(), err)
		return httpjson.Write(w, status, body)
	}
}

// findCacheV1 finds a cache; there is no content when there is none.
func (a *API) findCacheV1(w http.ResponseWriter, c *call) error {
	query := c.URL.Query()
	keys := strings.Split(query.Get("keys"), ",")
	found, err := a.Caches.Find(c.Context(), c.job.RepoID, c.token.Caches, keys, query.Get("version"))
	if actions.KindOf(err) == actions.NotFound {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	if err != nil {
		return err
	}
	answer := cacheV1(found)
	if answer.ArchiveLocation, err = a.cacheURL(c.Context(), httpjson.Base(c.Request).HTML, found); err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, answer)
}

func cacheV1(e *actions.Cache) wire.CacheEntryV1 {
	return wire.CacheEntryV1{CacheKey: e.Key, Scope: e.Scope, CacheVersion: e.Version, CreationTime: wire.At(e.CreatedAt)}
}

// listCachesV1 shows what a job could have meant by a key, when people debug it.
func (a *API) listCachesV1(w http.ResponseWriter, c *call) error {
	list, err := a.Caches.Similar(c.Context(), c.job.RepoID, c.token.Caches, c.URL.Query().Get("key"))
	if err != nil {
		return err
	}
	answer := wire.CacheListV1{TotalCount: int64(len(list)), ArtifactCaches: make([]wire.CacheEntryV1, len(list))}
	for i, e := range list {
		answer.ArtifactCaches[i] = cacheV1(e)
	}
	return httpjson.Write(w, http.StatusOK, answer)
}

func (a *API) reserveCacheV1(w http.ResponseWriter, c *call) error {
	var req wire.ReserveCacheV1
	if err := httpjson.Decode(c.Request, &req, maxShortCall); err != nil {
		return err
	}
	made, err := a.Caches.Reserve(c.Context(), c.job, c.token.Caches, cache.Upload{
		Key: req.Key, Version: req.Version, Size: int64(req.CacheSize),
	})
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusCreated, wire.ReservedCacheV1{CacheID: made.ID})
}

// putCacheV1 takes a piece of a cache. Pieces come in any order and several at
// once, without a Content-Length.
func (a *API) putCacheV1(w http.ResponseWriter, c *call) error {
	id, err := httpjson.PathID(c.Request, "id")
	if err != nil {
		return err
	}
	first, size, err := contentRange(c.Header.Get("Content-Range"))
	if err != nil {
		return err
	}
	if err := a.Caches.PutRange(c.Context(), c.job, id, first, body{c.Body}, size); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// contentRange reads "bytes 0-99/*": where a piece begins and its size.
func contentRange(header string) (first, size int64, err error) {
	text, ok := strings.CutPrefix(header, "bytes ")
	text, _, _ = strings.Cut(text, "/")
	from, to, dash := strings.Cut(text, "-")
	first, err1 := strconv.ParseInt(from, 10, 64)
	last, err2 := strconv.ParseInt(to, 10, 64)
	if !ok || !dash || errors.Join(err1, err2) != nil || first < 0 || last < first || last-first == 1<<63-1 {
		return 0, 0, actions.Errorf(actions.Malformed, "Content-Range %.60q is not of the form bytes FIRST-LAST/*", header)
	}
	return first, last - first + 1, nil
}

func (a *API) commitCacheV1(w http.ResponseWriter, c *call) error {
	id, err := httpjson.PathID(c.Request, "id")
	if err != nil {
		return err
	}
	var req wire.CommitCacheV1
	if err := httpjson.Decode(c.Request, &req, maxShortCall); err != nil {
		return err
	}
	if _, err := a.Caches.Commit(c.Context(), c.job, id, int64(req.Size)); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
