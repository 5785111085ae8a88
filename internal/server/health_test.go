package server

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/blob"
	"github.com/understudy-ci/understudy/internal/blob/s3/s3test"
)

func TestAServerWhoseBucketDoesNotAnswerIsNotReady(t *testing.T) {
	bucket := s3test.Start(t)
	c, d := testConfig(t), testDeps(t)
	c.Blobs, d.S3 = bucket.URL("understudy", false), bucket.Credentials
	r := start(t, c, d)
	r.untilReady(t, http.StatusOK)
	bucket.Freeze(t)
	r.untilReady(t, http.StatusServiceUnavailable)
	bucket.Thaw(t)
	r.untilReady(t, http.StatusOK)
	bucket.Stop()
	r.untilReady(t, http.StatusServiceUnavailable)
	if status, _ := get(t, http.DefaultClient, r.urls[0]+"/healthz", ""); status != http.StatusOK {
		t.Errorf("healthz: %d, though the process answers", status)
	}
}

func TestManyWhoAskWhetherTheServerIsReadyMakeOneProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var probes atomic.Int32
		h := &health{name: "disk", good: time.Second, now: time.Now, probe: func(context.Context) error {
			probes.Add(1)
			<-time.After(100 * time.Millisecond)
			return nil
		}}
		ask := func(want int32) {
			t.Helper()
			var wg sync.WaitGroup
			for range 100 {
				wg.Go(func() {
					if err := h.look(); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if n := probes.Load(); n != want {
				t.Errorf("%d probes, want %d", n, want)
			}
		}
		ask(1)
		ask(1) // soon after, none is made
		<-time.After(time.Second)
		ask(2)
	})
}

func TestAProbeThatHangsIsNotWaitedForAndNotRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var probes atomic.Int32
		gone := make(chan struct{})
		h := &health{name: "disk", good: time.Second, now: time.Now, probe: func(context.Context) error {
			probes.Add(1)
			<-gone
			return errors.New("stale file handle")
		}}
		for began, i := time.Now(), 0; i < 10; i++ {
			if err := h.look(); err == nil || !strings.Contains(err.Error(), "disk: no answer in 2s") {
				t.Errorf("got %v, want that there is no answer", err)
			}
			if d := time.Since(began); d != probeTime {
				t.Errorf("%d askers waited %v in all, want %v", i+1, d, probeTime)
			}
		}
		close(gone)
		synctest.Wait()
		if err := h.look(); err == nil || !strings.Contains(err.Error(), "disk: stale file handle") || probes.Load() != 1 {
			t.Errorf("got %v by %d probes, want the answer of the first", err, probes.Load())
		}
	})
}

// A brokenStore takes no blobs while it is broken.
type brokenStore struct {
	blob.Store
	broken atomic.Bool
}

func (s *brokenStore) Writable(ctx context.Context) error {
	if s.broken.Load() {
		return actions.Errorf(actions.Internal, "read-only file system")
	}
	return s.Store.Writable(ctx)
}

func TestThatTheServerIsNotReadyIsLoggedOnceAMinute(t *testing.T) {
	var out bytes.Buffer
	s := &brokenStore{}
	c, d := testConfig(t), testDeps(t)
	c.Blobs = filepath.Join(t.TempDir(), "elsewhere")
	d.Blobs = func(under blob.Store) blob.Store {
		s.Store = under
		return s
	}
	d.Log = slog.New(slog.NewTextHandler(&out, nil))
	r := start(t, c, d)
	s.broken.Store(true)
	r.untilReady(t, http.StatusServiceUnavailable)
	for range 20 {
		get(t, http.DefaultClient, r.urls[0]+"/readyz", "")
	}
	r.close()
	if n := strings.Count(out.String(), "read-only file system"); n != 1 {
		t.Errorf("%d lines say why the server is not ready, want 1:\n%s", n, out.String())
	}
}
