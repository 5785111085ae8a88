package results

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/blob"
	"github.com/understudy-ci/understudy/internal/cache"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/token"
	"github.com/understudy-ci/understudy/internal/wire"
)

// caches is the service that keeps what later jobs restore (CACHE-1). The
// repository and the refs come from the token; what clients say of them is not read.
func (a *API) caches() service {
	return service{
		wire.CreateCacheEntry:         working(a.createCacheEntry),
		wire.FinalizeCacheEntryUpload: working(a.finalizeCacheEntry),
		wire.GetCacheEntryDownloadURL: working(a.findCacheEntry),
	}
}

// createCacheEntry gives a URL to upload a new cache to. An error with a code of
// its own tells clients that there is such a cache already; other refusals are an
// answer that is not ok.
func (a *API) createCacheEntry(c *call) (any, error) {
	var req wire.CreateCacheEntryRequest
	if err := httpjson.Decode(c.Request, &req, maxShortCall); err != nil {
		return nil, err
	}
	made, err := a.Caches.Reserve(c.Context(), c.job, c.token.Caches, cache.Upload{Key: req.Key, Version: req.Version})
	switch kind := actions.KindOf(err); {
	case err == nil:
	case kind == actions.Forbidden, kind == actions.Invalid:
		return wire.CreateCacheEntryResponse{Message: httpjson.Message(err)}, nil
	default:
		return nil, err
	}
	url, err := a.objectURL(c.Context(), httpjson.Base(c.Request).HTML, objectGrant{
		purpose: cacheUploadPurpose, repo: made.RepoID, row: made.ID, object: made.ObjectID,
	})
	return wire.CreateCacheEntryResponse{OK: true, SignedUploadURL: url}, err
}

func (a *API) finalizeCacheEntry(c *call) (any, error) {
	var req wire.FinalizeCacheEntryUploadRequest
	if err := httpjson.Decode(c.Request, &req, maxShortCall); err != nil {
		return nil, err
	}
	done, err := a.Caches.Finalize(c.Context(), c.job, c.token.Caches, req.Key, req.Version, int64(req.SizeBytes))
	switch actions.KindOf(err) {
	case "":
		return wire.FinalizeCacheEntryUploadResponse{OK: true, EntryID: wire.IntString(done.ID)}, nil
	case actions.Forbidden, actions.Invalid, actions.Malformed, actions.Conflict:
		return wire.FinalizeCacheEntryUploadResponse{Message: httpjson.Message(err)}, nil
	default:
		return nil, err
	}
}

// findCacheEntry finds a cache. To find none is no error.
func (a *API) findCacheEntry(c *call) (any, error) {
	var req wire.GetCacheEntryDownloadURLRequest
	if err := httpjson.Decode(c.Request, &req, maxShortCall); err != nil {
		return nil, err
	}
	keys := append([]string{req.Key}, req.RestoreKeys...)
	found, err := a.Caches.Find(c.Context(), c.job.RepoID, c.token.Caches, keys, req.Version)
	if actions.KindOf(err) == actions.NotFound {
		return wire.GetCacheEntryDownloadURLResponse{}, nil
	}
	if err != nil {
		return nil, err
	}
	url, err := a.cacheURL(c.Context(), httpjson.Base(c.Request).HTML, found)
	return wire.GetCacheEntryDownloadURLResponse{OK: true, SignedDownloadURL: url, MatchedKey: found.Key}, err
}

// cacheURL is where a cache can be read for a minute.
func (a *API) cacheURL(ctx context.Context, base string, found *actions.Cache) (string, error) {
	url, ok, err := a.Objects.URL(ctx, found.ObjectID, blob.PresignOptions{Expires: downloadLife, ContentType: cacheType})
	if err != nil || ok {
		return url, err
	}
	return a.objectURL(ctx, base, objectGrant{purpose: cacheDownloadPurpose, repo: found.RepoID, row: found.ID, object: found.ObjectID})
}

const cacheType = "application/octet-stream"

// putCache serves PUT of the bytes of a cache.
func (a *API) putCache(w http.ResponseWriter, r *http.Request, g token.Grant) error {
	o, err := objectOf(g)
	if err != nil {
		return err
	}
	pending, err := a.Caches.Uploading(r.Context(), o.repo, o.row)
	if err != nil {
		return err
	}
	if pending.ObjectID != o.object {
		return actions.Errorf(actions.Conflict, "the upload of cache %d has begun anew", pending.ID)
	}
	if err := a.sameObject(r.Context(), g, o.object); err != nil {
		return err
	}
	return a.putObject(w, r, o.object)
}

// getCache serves GET and HEAD of a cache.
func (a *API) getCache(w http.ResponseWriter, r *http.Request, g token.Grant) error {
	o, err := objectOf(g)
	if err != nil {
		return err
	}
	found, err := a.Store.RepoCache(r.Context(), o.repo, o.row)
	if err != nil {
		return err
	}
	if found.ObjectID != o.object {
		return errObject
	}
	if err := a.sameObject(r.Context(), g, o.object); err != nil {
		return err
	}
	content, err := a.Objects.Open(r.Context(), o.object)
	if err != nil {
		return err
	}
	return a.send(w, r, download{
		content: content, contentType: cacheType, disposition: "attachment",
		etag: `"` + strconv.FormatInt(found.ID, 10) + `"`, modified: found.CreatedAt,
	})
}

// setRetryAfter says when to come again, if the error knows: in whole seconds,
// as the clients read it.
func setRetryAfter(h http.Header, err error) {
	if wait, ok := errors.AsType[*cache.Wait](err); ok {
		seconds := math.Ceil(max(wait.After, time.Second).Seconds())
		h.Set("Retry-After", strconv.Itoa(int(seconds)))
	}
}
