package upstream_test

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/blob/fs"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/gitrepo/gittest"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
	"github.com/understudy-ci/understudy/internal/upstream"
)

// A world is an upstream with a store and a host.
type world struct {
	*upstream.Upstream
	t     *testing.T
	host  *gittest.Host
	store *store.Store
	c     upstream.Config

	mu  sync.Mutex
	now time.Time
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// newWorld makes a world whose host is the only upstream, unless change says otherwise.
func newWorld(t *testing.T, st *store.Store, change func(w *world, c *upstream.Config)) *world {
	t.Helper()
	w := &world{t: t, host: gittest.NewHost(t), store: st, now: time.Now()}
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	git, err := gitrepo.New(t.TempDir(), gitrepo.Limits{}, log, w.clock)
	w.must(err)
	t.Cleanup(func() { w.must(git.Close()) })
	blobs, err := fs.New(t.TempDir(), fs.Options{Now: w.clock, NoSync: true})
	w.must(err)
	t.Cleanup(func() { w.must(blobs.Close()) })
	c := upstream.Config{
		Store: st, Blobs: blobs, Git: git, Log: log, Now: w.clock, Random: rand.Reader,
		Lookup: func(context.Context, string) ([]netip.Addr, error) { return nil, errors.New("no such host") },
		Hosts:  []*upstream.Host{w.listed(w.host.URL)},
	}
	if change != nil {
		change(w, &c)
	}
	w.c = c
	w.Upstream = upstream.New(c)
	t.Cleanup(w.Close)
	return w
}

func (w *world) listed(url string, private ...string) *upstream.Host {
	w.t.Helper()
	list, err := upstream.ParseHosts([]string{url}, private)
	w.must(err)
	return list[0]
}

// off makes the same upstream without a host.
func (w *world) off() *upstream.Upstream {
	c := w.c
	c.Hosts = nil
	u := upstream.New(c)
	w.t.Cleanup(u.Close)
	return u
}

func (w *world) resolve(use string) (*upstream.Found, error) {
	name, ref, _ := strings.Cut(use, "@")
	return w.Resolve(w.t.Context(), upstream.Ask{Name: name, Ref: ref, RepoID: 1})
}

// found resolves what must be there.
func (w *world) found(use, sha string) *upstream.Found {
	w.t.Helper()
	f, err := w.resolve(use)
	w.must(err)
	if f.Action.SHA != sha {
		w.t.Errorf("%s is %s, want %s", use, f.Action.SHA, sha)
	}
	return f
}

// missing resolves what must not be there.
func (w *world) missing(use string, kind actions.Kind, says string) {
	w.t.Helper()
	f, err := w.resolve(use)
	if actions.KindOf(err) != kind || !strings.Contains(err.Error(), says) {
		w.t.Errorf("%s: %v, %v; want an error that is %q and says %q", use, f, err, kind, says)
	}
}

// files reads the archive of an action: contents by name, without the top directory.
func files(t *testing.T, u *upstream.Upstream, a *actions.KeptAction) map[string]string {
	t.Helper()
	in, err := u.Open(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	zr, err := gzip.NewReader(in)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for tr := tar.NewReader(zr); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return got
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		top, name, _ := strings.Cut(h.Name, "/")
		if top != "action-"+a.SHA {
			t.Errorf("%s is not in %s", h.Name, "action-"+a.SHA)
		}
		b, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		got[name] = string(b)
	}
}

func each(t *testing.T, test func(t *testing.T, st *store.Store)) { storetest.Each(t, test) }
