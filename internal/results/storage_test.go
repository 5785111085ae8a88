package results_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/blob"
	"github.com/understudy-ci/understudy/internal/servertest"
	"github.com/understudy-ci/understudy/internal/wire"
)

// A tiredStore is a store that has no room left or is away, from time to time, and
// may hand out addresses of its own.
type tiredStore struct {
	blob.Store
	full, away, signs atomic.Bool
}

func (s *tiredStore) Put(ctx context.Context, r io.Reader, o blob.PutOptions) (blob.Info, error) {
	if s.full.Load() {
		_, _ = io.CopyN(io.Discard, r, 10)
		return blob.Info{}, actions.Errorf(actions.Unavailable, "no space left")
	}
	return s.Store.Put(ctx, r, o)
}

func (s *tiredStore) Open(ctx context.Context, key string) (blob.Object, error) {
	if s.away.Load() {
		return nil, actions.Errorf(actions.Unavailable, "the bucket does not answer")
	}
	return s.Store.Open(ctx, key)
}

func (s *tiredStore) Presign(_ context.Context, key string, o blob.PresignOptions) (string, bool, error) {
	return fmt.Sprintf("https://bucket.example/%d?X-Sig=1&life=%s&type=%s&as=%s", len(key), o.Expires, o.ContentType, o.Disposition), s.signs.Load(), nil
}

// newTiredServer is a server with such a store.
func newTiredServer(t *testing.T) (*site, *tiredStore) {
	t.Helper()
	blobs := &tiredStore{}
	s := newServer(t, servertest.WithDeps(func(d *servertest.Deps) {
		d.Blobs = func(under blob.Store) blob.Store {
			blobs.Store = under
			return blobs
		}
	}))
	return s, blobs
}

// BLOB-5: 503 is what makes storage clients wait and try again.
func TestAFullDiskIsRefusedCleanlyAndRecoveredFrom(t *testing.T) {
	s, blobs := newTiredServer(t)
	c, to := s.open("dist")
	blobs.full.Store(true)
	wantRefused(t, "block", c.PutBlock(t.Context(), to, id("1"), noise(100)), http.StatusServiceUnavailable, "ServerBusy")
	wantRefused(t, "whole", c.PutWhole(t.Context(), to, noise(100)), http.StatusServiceUnavailable, "ServerBusy")
	wantRefused(t, "list of nothing", c.PutList(t.Context(), to, []string{id("1")}), http.StatusBadRequest, "InvalidBlockList")
	blobs.full.Store(false)
	if err := c.PutBlock(t.Context(), to, id("1"), []byte("content")); err != nil {
		t.Error(err)
	}
	if err := c.PutList(t.Context(), to, []string{id("1")}); err != nil {
		t.Error(err)
	}
	wantContent(t, c, "dist", "content")
}

// BLOB-5: 503 is what makes storage clients wait and try again.
func TestADownloadSaysThatTheStorageIsAway(t *testing.T) {
	s, blobs := newTiredServer(t)
	content := noise(5000)
	url := s.urlOf(s.upload(wire.CreateArtifactRequest{Name: "dist"}, content))
	blobs.away.Store(true)
	status, body, h := s.ask(http.MethodGet, url, map[string]string{"Range": "bytes=10-"})
	if status != http.StatusServiceUnavailable || !strings.Contains(body, "the bucket does not answer") {
		t.Errorf("%d %s", status, body)
	}
	for _, name := range []string{"Content-Disposition", "Content-Range", "ETag", "Last-Modified", "Accept-Ranges"} {
		if h.Get(name) != "" {
			t.Errorf("the error has the header %s: %s", name, h.Get(name))
		}
	}
	if status, _, _ := s.ask(http.MethodHead, url, nil); status != http.StatusServiceUnavailable {
		t.Errorf("HEAD: %d", status)
	}
	blobs.away.Store(false)
	for header, want := range map[string]string{"": string(content), "bytes=10-": string(content[10:]), "bytes=4999-": string(content[4999:])} {
		if status, body, _ := s.ask(http.MethodGet, url, map[string]string{"Range": header}); status/100 != 2 || body != want {
			t.Errorf("%q: %d, %d bytes", header, status, len(body))
		}
	}
	if status, _, h := s.ask(http.MethodGet, url, map[string]string{"Range": "bytes=9000-"}); status != http.StatusRequestedRangeNotSatisfiable || h.Get("Content-Range") != "bytes */5000" {
		t.Errorf("beyond the end: %d %v", status, h)
	}
}

// Threat: storage credentials visible in API, redirect or error: a client gets a
// presigned URL of the one blob, for a minute, and its name and type are in it.
func TestABucketThatClientsReachServesThem(t *testing.T) {
	s, blobs := newTiredServer(t)
	blobs.signs.Store(true)
	art := s.upload(wire.CreateArtifactRequest{Name: "page.html", MimeType: "text/html"}, noise(50))
	url := s.urlOf(art)
	if !strings.HasPrefix(url, "https://bucket.example/") || !strings.Contains(url, "life="+time.Minute.String()+"&type=text/html&as=attachment; filename=\"page.html\"") {
		t.Errorf("URL %s", url)
	}
	c := s.client(s.Job("test"))
	list, err := c.List(t.Context(), "page.html", 0)
	if err != nil {
		t.Fatal(err)
	}
	if signed, err := c.SignedURL(t.Context(), list[0]); err != nil || !strings.HasPrefix(signed, "https://bucket.example/") {
		t.Errorf("the service gives %s, %v", signed, err)
	}
	several := s.upload(wire.CreateArtifactRequest{Name: "several"}, noise(500)) // blobs
	if url := s.urlOf(several); !strings.HasPrefix(url, s.URL) {
		t.Errorf("of several blobs: %s", url)
	}
	blobs.signs.Store(false)
	if url := s.urlOf(art); !strings.HasPrefix(url, s.URL) {
		t.Errorf("of a bucket that clients do not reach: %s", url)
	}
}
