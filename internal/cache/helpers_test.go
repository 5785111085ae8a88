package cache_test

import (
	"bytes"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/cache"
	"github.com/understudy-ci/understudy/internal/logs"
	"github.com/understudy-ci/understudy/internal/logs/logstest"
	"github.com/understudy-ci/understudy/internal/object"
	"github.com/understudy-ci/understudy/internal/settings"
	"github.com/understudy-ci/understudy/internal/store"
)

const (
	mainRef    = "refs/heads/main"
	featureRef = "refs/heads/feature"
	pullRef    = "refs/pull/7/merge"
	version    = "v1"
)

// A world is a repository with jobs and caches, and a clock that tests move.
type world struct {
	*logstest.Fixture
	t       *testing.T
	log     *slog.Logger
	objects *object.Objects
	caches  *cache.Caches
	late    atomic.Int64
}

func newWorld(t *testing.T, st *store.Store, limits cache.Limits, defaults ...settings.Default) *world {
	t.Helper()
	w := &world{Fixture: logstest.New(t, st, logs.Limits{}), t: t}
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	w.log = log
	w.objects = object.New(object.Config{Store: st, Blobs: w.Blobs, Log: log, Now: w.now})
	w.caches = cache.New(cache.Config{Store: st, Objects: w.objects, Settings: settings.New(st, defaults...), Log: log, Now: w.now, Limits: limits})
	return w
}

func (w *world) now() time.Time { return time.Now().Add(time.Duration(w.late.Load())) }

// pass moves the clock.
func (w *world) pass(d time.Duration) { w.late.Add(int64(d)) }

// rights are those of a job on a ref.
func rights(ref string) []actions.CacheScope {
	return actions.CacheScopes(ref, "", "main", actions.CacheWrites)
}

// reserve begins a cache of a job on a ref.
func (w *world) reserve(j *actions.Job, ref, key string) (*actions.Cache, error) {
	return w.caches.Reserve(w.t.Context(), j, rights(ref), cache.Upload{Key: key, Version: version})
}

// begin is reserve where nothing stands in the way.
func (w *world) begin(j *actions.Job, ref, key string) *actions.Cache {
	w.t.Helper()
	e, err := w.reserve(j, ref, key)
	if err != nil {
		w.t.Fatalf("reserve %s: %v", key, err)
	}
	return e
}

func (w *world) put(e *actions.Cache, content string) {
	w.t.Helper()
	if err := w.objects.PutWhole(w.t.Context(), e.ObjectID, strings.NewReader(content), int64(len(content))); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) finalize(j *actions.Job, ref, key string, size int) (*actions.Cache, error) {
	return w.caches.Finalize(w.t.Context(), j, rights(ref), key, version, int64(size))
}

// try saves a cache by a job of its own.
func (w *world) try(ref, key, content string) (*actions.Cache, error) {
	w.t.Helper()
	j := w.Job("save " + key)
	e, err := w.reserve(j, ref, key)
	if err != nil {
		return nil, err
	}
	w.put(e, content)
	done, err := w.finalize(j, ref, key, len(content))
	w.Complete(j, w.now())
	return done, err
}

func (w *world) save(ref, key, content string) *actions.Cache {
	w.t.Helper()
	e, err := w.try(ref, key, content)
	if err != nil {
		w.t.Fatalf("save %s: %v", key, err)
	}
	return e
}

// find is the content of what a search finds, or "".
func (w *world) find(ref string, keys ...string) string {
	w.t.Helper()
	e, err := w.caches.Find(w.t.Context(), w.Repo.ID, rights(ref), keys, version)
	if actions.KindOf(err) == actions.NotFound {
		return ""
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return w.read(e)
}

func (w *world) read(e *actions.Cache) string {
	w.t.Helper()
	r, err := w.objects.Open(w.t.Context(), e.ObjectID)
	if err != nil {
		w.t.Fatal(err)
	}
	defer r.Close()
	var b bytes.Buffer
	if _, err := io.Copy(&b, r); err != nil {
		w.t.Fatal(err)
	}
	return b.String()
}

func (w *world) sweep() {
	w.t.Helper()
	if err := w.caches.Sweep(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// usage is the sum of all caches, checked against the rows.
func (w *world) usage() (caches, size int64) {
	w.t.Helper()
	u, err := w.Store.CacheUsage(w.t.Context(), w.Repo.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	list, _, err := w.Store.Caches(w.t.Context(), store.CacheFilter{RepoID: w.Repo.ID}, store.Page{Number: 1, Size: 1000})
	if err != nil {
		w.t.Fatal(err)
	}
	var sum, pulls int64
	for _, e := range list {
		sum += e.Size
		if e.OfPull() {
			pulls += e.Size
		}
	}
	if u.Caches != int64(len(list)) || u.Bytes != sum || u.PullBytes != pulls {
		w.t.Errorf("sums say %d caches, %d and %d bytes; the rows are %d, %d and %d", u.Caches, u.Bytes, u.PullBytes, len(list), sum, pulls)
	}
	return u.Caches, u.Bytes
}

// keys are the live ones, oldest first.
func (w *world) keys() string {
	w.t.Helper()
	list, _, err := w.Store.Caches(w.t.Context(), store.CacheFilter{RepoID: w.Repo.ID, Sort: "created_at", Oldest: true}, store.Page{Number: 1, Size: 1000})
	if err != nil {
		w.t.Fatal(err)
	}
	var keys []string
	for _, e := range list {
		keys = append(keys, e.Key)
	}
	return strings.Join(keys, " ")
}

// wantNoBytes checks that no blob holds anything.
func (w *world) wantNoBytes() {
	w.t.Helper()
	if n := w.Kept(); n != 0 {
		w.t.Errorf("%d blobs are left", n)
	}
}

func (w *world) wantKind(what string, err error, want actions.Kind) {
	w.t.Helper()
	if got := actions.KindOf(err); got != want {
		w.t.Errorf("%s: %v (%s), want %s", what, err, got, want)
	}
}
