package artifact_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/artifact"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

const day = 24 * time.Hour

// Threat: Expired or deleted object: 410 for artifacts, bytes really gone, and no
// reuse of ids.
func TestExpiredArtifactsKeepTheirRowAndLoseTheirBytes(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx, f := t.Context(), newFixture(t, st, nil)
		f.keepFor(t, 2)
		job := f.job(t)
		small := f.add(t, job, "small", "MARKER")
		large := f.add(t, job, "large", strings.Repeat("MARKER of many bytes\n", 10_000))
		later, err := f.Create(ctx, job, artifact.Upload{Name: "later"})
		if err != nil {
			t.Fatal(err)
		}
		f.put(t, later, "stays")
		if later, err = f.Finalize(ctx, job, "later", 5, ""); err != nil {
			t.Fatal(err)
		}
		f.pass(2*day - time.Minute)
		if err := f.Sweep(ctx); err != nil {
			t.Fatal(err)
		}
		if got := f.read(t, small); got != "MARKER" {
			t.Errorf("before its time the content is %q", got)
		}
		f.pass(time.Minute)
		for _, swept := range []bool{false, true} {
			if swept {
				if err := f.Sweep(ctx); err != nil {
					t.Fatal(err)
				}
			}
			if got := f.listed(t); got != "" {
				t.Errorf("swept %v: jobs see %s", swept, got)
			}
			for _, a := range []*actions.Artifact{small, large} {
				row, err := f.st.RepoArtifact(ctx, f.repo.ID, a.ID)
				if err != nil || !row.Expired(f.now()) || row.Size != a.Size || row.Digest != a.Digest || !row.ExpiresAt.Equal(a.ExpiresAt.Truncate(time.Microsecond)) {
					t.Errorf("swept %v: the row is %+v, %v", swept, row, err)
					continue
				}
				_, err = f.Open(ctx, &row.Artifact)
				kind(t, "open", err, actions.Gone)
				_, err = f.Files(ctx, &row.Artifact)
				kind(t, "files", err, actions.Gone)
				if got := row.ObjectID == 0; got != swept {
					t.Errorf("swept %v: the object is %d", swept, row.ObjectID)
				}
			}
		}
		if f.onDisk(t, "MARKER") || f.onDisk(t, "stays") {
			t.Error("bytes of expired artifacts are still on disk")
		}
		n, bytes, err := f.st.ArtifactUsage(ctx, f.repo.ID)
		if err != nil || n != 3 || bytes != 0 {
			t.Errorf("usage is %d artifacts of %d bytes, %v", n, bytes, err)
		}
		next := f.add(t, job, "small", "again") // the name is free
		if next.ID <= later.ID {
			t.Errorf("artifact %d after %d", next.ID, later.ID)
		}
		if err := f.Delete(ctx, small); err != nil {
			t.Errorf("delete an expired one: %v", err)
		}
	})
}

// The setting is for new artifacts (LIM-1: not retroactive).
func TestChangedRetentionIsForNewArtifacts(t *testing.T) {
	ctx, f := t.Context(), open(t, nil)
	job := f.job(t)
	before := f.add(t, job, "before", "x")
	f.keepFor(t, 3)
	after := f.add(t, job, "after", "x")
	for a, days := range map[*actions.Artifact]int{before: 90, after: 3} {
		if got := a.ExpiresAt.Sub(a.CreatedAt); got != time.Duration(days)*day {
			t.Errorf("%s is kept for %v, want %d days", a.Name, got, days)
		}
	}
	f.pass(4 * day)
	if err := f.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	if got := f.listed(t); got != "before/1 " {
		t.Errorf("jobs see %s", got)
	}
}

// Run wakes when it must: neither a day late nor every second.
func TestArtifactsExpireOnTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, nil)
		job := f.job(t)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- f.Run(ctx) }()
		start := time.Now()
		for i, asked := range []time.Duration{day + 90*time.Second, day + 30*time.Second, day + time.Hour} {
			a, err := f.Create(ctx, job, artifact.Upload{Name: fmt.Sprint(i), ExpiresAt: start.Add(asked)})
			if err != nil {
				t.Fatal(err)
			}
			f.put(t, a, "x")
			if _, err := f.Finalize(ctx, job, a.Name, 1, ""); err != nil {
				t.Fatal(err)
			}
		}
		gen := func() uint64 { return f.st.Revision(store.RepoTopic(f.repo.ID)) }
		before := gen()
		for _, test := range []struct {
			after   time.Duration
			expired uint64
		}{{day + 29*time.Second, 0}, {day + 31*time.Second, 1}, {day + 89*time.Second, 1}, {day + 91*time.Second, 2}, {day + time.Hour + time.Second, 3}} {
			time.Sleep(test.after - time.Since(start))
			synctest.Wait()
			if got := gen() - before; got != test.expired {
				t.Errorf("after %v: %d have expired, want %d", test.after, got, test.expired)
			}
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// A clock that jumps, or another server on the same database, costs a minute.
func TestAClockThatJumpsIsNoticedWithinAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, nil)
		job := f.job(t)
		f.add(t, job, "dist", "MARKER")
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- f.Run(ctx) }()
		synctest.Wait()
		f.pass(100 * day)
		time.Sleep(time.Minute + time.Second)
		synctest.Wait()
		if f.onDisk(t, "MARKER") {
			t.Error("the bytes are still there")
		}
		f.pass(-200 * day) // back again: nothing comes to life
		time.Sleep(2 * time.Minute)
		if got := f.listed(t); got != "" {
			t.Errorf("jobs see %s", got)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// Threat: Partial … upload: no half object visible; nor bytes that nobody owns.
func TestUploadsThatNobodyFinishesAreRemoved(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx, f := t.Context(), newFixture(t, st, nil)
		job, over := f.job(t), f.job(t)
		running := f.begin(t, job, "running", "MARKER 1")
		f.begin(t, over, "over", "MARKER 2")
		v3, err := f.BeginV3(ctx, over, "files", 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.PutV3File(ctx, over, v3.ID, artifact.Piece{Path: "a", Total: 8, Length: 8}, strings.NewReader("MARKER 3"), 8); err != nil {
			t.Fatal(err)
		}
		f.complete(t, over)
		check := func(what string, want ...bool) {
			t.Helper()
			if err := f.Sweep(ctx); err != nil {
				t.Fatal(err)
			}
			for i, want := range want {
				if got := f.onDisk(t, fmt.Sprint("MARKER ", i+1)); got != want {
					t.Errorf("%s: bytes %d are on disk: %v", what, i+1, got)
				}
			}
		}
		check("a job is over", true, false, false)
		if _, err := f.Uploading(ctx, running.ID); err != nil {
			t.Errorf("the other upload: %v", err)
		}
		f.pass(25 * time.Hour)
		check("a day later", false, false, false)
		_, err = f.Uploading(ctx, running.ID)
		kind(t, "the other upload, a day later", err, actions.NotFound)
	})
}

// What one server has not finished the next one does.
func TestExpiryGoesOnAfterARestart(t *testing.T) {
	ctx, f := t.Context(), open(t, nil)
	job := f.job(t)
	for i := range 450 { // more than two batches
		f.add(t, job, fmt.Sprint(i), "MARKER")
	}
	f.pass(91 * day)
	stopped, cancel := context.WithCancel(ctx)
	cancel()
	if err := f.Sweep(stopped); err == nil {
		t.Error("the sweep of a server that stops ended as if all was done")
	}
	next := f.reopen()
	if err := next.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	if f.onDisk(t, "MARKER") {
		t.Error("bytes are still on disk")
	}
	if n, bytes, err := f.st.ArtifactUsage(ctx, f.repo.ID); err != nil || n != 450 || bytes != 0 {
		t.Errorf("usage is %d artifacts of %d bytes, %v", n, bytes, err)
	}
}
