package artifact_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/artifact"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// ART-4: blocks in any order, then the list, then finalize.
func TestAnArtifactIsSeenOnceItIsComplete(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx, f := t.Context(), newFixture(t, st, nil)
		job := f.job(t)
		a, err := f.Create(ctx, job, artifact.Upload{Name: "dist 🎁", ExpiresAt: f.now().Add(48 * time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range []struct{ name, content string }{{"2", "world"}, {"1", "hello "}} {
			if err := f.objects.PutBlock(ctx, a.ObjectID, block.name, strings.NewReader(block.content), 0); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.objects.Commit(ctx, a.ObjectID, []string{"1", "2"}); err != nil {
			t.Fatal(err)
		}
		if got := f.listed(t); got != "" {
			t.Errorf("before the end jobs see %s", got)
		}
		if _, err := f.Open(ctx, a); actions.KindOf(err) != actions.NotFound {
			t.Errorf("open before the end: %v", err)
		}
		got, err := f.Finalize(ctx, job, "dist 🎁", 11, digest("hello world"))
		if err != nil {
			t.Fatal(err)
		}
		want := *a
		want.Status, want.Size, want.Digest, want.UpdatedAt = actions.ArtifactLive, 11, digest("hello world"), got.UpdatedAt
		if diff := cmp.Diff(&want, got, cmp.Comparer(func(a, b time.Time) bool { return a.Sub(b).Abs() < time.Millisecond })); diff != "" {
			t.Errorf("artifact (-want +got):\n%s", diff)
		}
		if got := f.listed(t); got != "dist 🎁/11 " {
			t.Errorf("jobs see %s", got)
		}
		if got := f.read(t, got); got != "hello world" {
			t.Errorf("content is %q", got)
		}
		if got, err := f.Get(ctx, f.run.ID, job.GUID, "dist 🎁"); err != nil || got.ID != a.ID {
			t.Errorf("got %v, %v", got, err)
		}
		if _, err := f.Get(ctx, f.run.ID, f.job(t).GUID, "dist 🎁"); actions.KindOf(err) != actions.NotFound {
			t.Errorf("of a job that did not upload it: %v", err)
		}
	})
}

// Threat: Artifact name used as a path, incl. `..`, `\`, device names, trailing
// dots.
func TestRefusedNamesLeaveNothing(t *testing.T) {
	f := open(t, nil)
	job := f.job(t)
	for _, name := range []string{"", ".", "..", "a/b", `a\b`, "a\x00", "a\nb", strings.Repeat("a", 300), "a\"b", "a:b", "a<b", "a>b", "a|b", "a*b", "a?b", "\xff"} {
		_, err := f.Create(t.Context(), job, artifact.Upload{Name: name})
		kind(t, fmt.Sprintf("create %q", name), err, actions.Invalid)
		_, err = f.BeginV3(t.Context(), job, name, 0)
		kind(t, fmt.Sprintf("begin %q", name), err, actions.Invalid)
	}
	for _, mime := range []string{"zip", "text/html\r\nSet-Cookie: a=b", "/x", "text/ü", "a/" + strings.Repeat("b", 300)} {
		_, err := f.Create(t.Context(), job, artifact.Upload{Name: "a", ContentType: mime})
		kind(t, fmt.Sprintf("content type %q", mime), err, actions.Invalid)
	}
	list, err := f.st.AbandonedArtifacts(t.Context(), f.now().Add(time.Hour), 1)
	if err != nil || len(list) != 0 {
		t.Errorf("left behind: %v, %v", list, err)
	}
}

// Threat: Size or hash declared falsely.
func TestWhatIsNotAsDeclaredIsNotKept(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		f := newFixture(t, st, nil)
		job := f.job(t)
		const content = "MARKER of an upload that is not as declared"
		for _, test := range []struct {
			name   string
			size   int64
			digest string
			kept   bool // the client may ask again
		}{
			{"shorter", int64(len(content)) - 1, digest(content), false},
			{"longer", int64(len(content)) + 1, "", false},
			{"empty", 0, "", false},
			{"other bytes", int64(len(content)), digest("x"), false},
			{"negative size", -1, digest(content), true},
			{"a hash of another kind", int64(len(content)), "md5:d41d8cd98f00b204e9800998ecf8427e", true},
			{"half a hash", int64(len(content)), digest(content)[:40], true},
			{"no hash", int64(len(content)), "sha256:", true},
		} {
			a := f.begin(t, job, "dist", content)
			_, err := f.Finalize(t.Context(), job, "dist", test.size, test.digest)
			kind(t, test.name, err, actions.Malformed)
			if got := f.listed(t); got != "" {
				t.Errorf("%s: jobs see %s", test.name, got)
			}
			if got := f.onDisk(t, "MARKER"); got != test.kept {
				t.Errorf("%s: bytes on disk: %v", test.name, got)
			}
			_, err = f.Uploading(t.Context(), a.ID)
			if gone := actions.KindOf(err) == actions.NotFound; gone == test.kept {
				t.Errorf("%s: the upload: %v", test.name, err)
			}
		}
		f.add(t, job, "dist", content)
		if n, bytes, err := f.st.ArtifactUsage(t.Context(), f.repo.ID); err != nil || n != 1 || bytes != int64(len(content)) {
			t.Errorf("usage is %d artifacts of %d bytes, %v", n, bytes, err)
		}
	})
}

// The hash is optional (ART-4), and may be written in any case.
func TestAHashIsOptional(t *testing.T) {
	f := open(t, nil)
	job := f.job(t)
	for i, hash := range []string{"", "sha256:" + strings.ToUpper(digest("x")[7:])} {
		name := fmt.Sprint("x", i)
		f.begin(t, job, name, "x")
		a, err := f.Finalize(t.Context(), job, name, 1, hash)
		if err != nil || a.Digest != digest("x") {
			t.Errorf("%q: %v, %v", hash, a, err)
		}
	}
}

// Threat: Upload to an artifact of another job or run with one's own runtime token.
// Threat: Artifact replaced after finalize.
func TestFinalizeIsOnceAndByTheJobThatUploads(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx, f := t.Context(), newFixture(t, st, nil)
		job, other := f.job(t), f.job(t)
		_, err := f.Finalize(ctx, job, "dist", 1, "")
		kind(t, "never created", err, actions.NotFound)
		a, err := f.Create(ctx, job, artifact.Upload{Name: "dist"})
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.Finalize(ctx, job, "dist", 1, "")
		kind(t, "before the upload", err, actions.Conflict)
		_, err = f.Finalize(ctx, other, "dist", 1, "")
		kind(t, "by another job", err, actions.NotFound)
		if _, err := f.Uploading(ctx, a.ID); err != nil {
			t.Errorf("uploading: %v", err)
		}
		f.put(t, a, "x")
		_, err = f.FinishV3(ctx, job, "dist", 1)
		kind(t, "by version 3", err, actions.NotFound)
		if _, err = f.Finalize(ctx, job, "dist", 1, digest("x")); err != nil {
			t.Fatal(err)
		}
		again, err := f.Finalize(ctx, job, "dist", 1, digest("x"))
		if err != nil || again.ID != a.ID || again.Digest != digest("x") {
			t.Errorf("again: %v, %v; want artifact %d", again, err, a.ID)
		}
		_, err = f.Finalize(ctx, job, "dist", 2, digest("x"))
		kind(t, "again, with another size", err, actions.Conflict)
		_, err = f.Finalize(ctx, job, "dist", 1, digest("y"))
		kind(t, "again, with another hash", err, actions.Conflict)
		_, err = f.Finalize(ctx, other, "dist", 1, digest("x"))
		kind(t, "by another job, when it is live", err, actions.NotFound)
		_, err = f.Uploading(ctx, a.ID)
		kind(t, "upload after the end", err, actions.Conflict)
		err = f.objects.PutBlock(ctx, a.ObjectID, "1", strings.NewReader("y"), 1)
		kind(t, "block after the end", err, actions.Conflict)
		err = f.objects.PutWhole(ctx, a.ObjectID, strings.NewReader("y"), 1)
		kind(t, "put after the end", err, actions.Conflict)
		for _, j := range []*actions.Job{job, other} {
			_, err = f.Create(ctx, j, artifact.Upload{Name: "dist"})
			if !errors.Is(err, artifact.ErrExists) {
				t.Errorf("created again: %v", err)
			}
		}
		if got := f.read(t, again); got != "x" {
			t.Errorf("content is %q", got)
		}
	})
}

func TestNothingIsUploadedForAJobThatIsOver(t *testing.T) {
	f := open(t, nil)
	job := f.job(t)
	a := f.begin(t, job, "dist", "x")
	f.complete(t, job)
	_, err := f.Uploading(t.Context(), a.ID)
	kind(t, "upload", err, actions.Conflict)
	_, err = f.Create(t.Context(), job, artifact.Upload{Name: "more"})
	kind(t, "create", err, actions.Conflict)
	_, err = f.BeginV3(t.Context(), job, "more", 0)
	kind(t, "begin", err, actions.Conflict)
}

// Threat: token dies with the job. To hash a large upload takes longer than to end
// the job, and what it shows then was not there when the job ended.
func TestAnUploadIsNotCompletedForAJobThatEndedMeanwhile(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		f := newFixture(t, st, nil)
		job := f.job(t)
		f.begin(t, job, "late", "content")
		three, err := f.BeginV3(t.Context(), job, "late too", 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.v3(t, job, three, "a", "x", false); err != nil {
			t.Fatal(err)
		}
		asked := *job // as it was when the request came
		f.complete(t, job)
		_, err = f.Finalize(t.Context(), &asked, "late", int64(len("content")), "")
		kind(t, "finalize", err, actions.Conflict)
		_, err = f.FinishV3(t.Context(), &asked, "late too", 1)
		kind(t, "finish", err, actions.Conflict)
		if got := f.listed(t); got != "" {
			t.Errorf("artifacts %s", got)
		}
	})
}

// ART-5: what was begun and never finished does not block its name.
func TestAJobMayBeginAgain(t *testing.T) {
	f := open(t, nil)
	job := f.job(t)
	first := f.begin(t, job, "dist", "MARKER of a lost upload")
	f.add(t, job, "dist", "second")
	_, err := f.Uploading(t.Context(), first.ID)
	kind(t, "the first", err, actions.NotFound)
	if f.onDisk(t, "MARKER") {
		t.Error("the bytes of the first upload are still there")
	}
	if got := f.listed(t); got != "dist/6 " {
		t.Errorf("jobs see %s", got)
	}
}

func TestTheFirstJobToFinishGetsTheName(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		f := newFixture(t, st, nil)
		const rivals = 8
		jobs := make([]*actions.Job, rivals)
		for i := range jobs {
			jobs[i] = f.job(t)
			f.begin(t, jobs[i], "dist", fmt.Sprintf("MARKER %d", i))
		}
		errs, ids := make([]error, rivals), make([]int64, rivals)
		var wg sync.WaitGroup
		for i, job := range jobs {
			wg.Go(func() {
				var a *actions.Artifact
				if a, errs[i] = f.Finalize(t.Context(), job, "dist", 8, ""); errs[i] == nil {
					ids[i] = a.ID
				}
			})
		}
		wg.Wait()
		won := 0
		for i, err := range errs {
			switch kept := f.onDisk(t, fmt.Sprintf("MARKER %d", i)); {
			case err == nil && kept:
				won++
			case err == nil:
				t.Errorf("job %d won, and its bytes are gone", i)
			case !errors.Is(err, artifact.ErrExists) || kept:
				t.Errorf("job %d: %v, bytes on disk: %v", i, err, kept)
			}
		}
		if won != 1 {
			t.Errorf("%d jobs won: %v", won, ids)
		}
		if got := f.listed(t); got != "dist/8 " {
			t.Errorf("jobs see %s", got)
		}
	})
}

// A client whose connection broke may ask while the server still works on its
// first question.
func TestFinalizeTwiceAtOnceIsOneArtifact(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		f := newFixture(t, st, nil)
		job := f.job(t)
		for i := range 5 {
			name := fmt.Sprint("dist", i)
			want := f.begin(t, job, name, "x")
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					if a, err := f.Finalize(t.Context(), job, name, 1, digest("x")); err != nil || a.ID != want.ID {
						t.Errorf("%v, %v; want artifact %d", a, err, want.ID)
					}
				})
			}
			wg.Wait()
		}
		if n, _, err := f.st.ArtifactUsage(t.Context(), f.repo.ID); err != nil || n != 5 {
			t.Errorf("%d artifacts are counted, %v", n, err)
		}
	})
}

// LIM-1: 500 on GitHub; ART-9: not a 429, which clients try again for half a
// minute, since it does not pass.
func TestAJobHasALimitOfArtifacts(t *testing.T) {
	f := open(t, func(l *artifact.Limits) { l.PerJob = 3 })
	job := f.job(t)
	for i := range 3 {
		f.begin(t, job, fmt.Sprint(i), "x")
	}
	_, err := f.Create(t.Context(), job, artifact.Upload{Name: "more"})
	kind(t, "one more", err, actions.Conflict)
	_, err = f.BeginV3(t.Context(), job, "more", 0)
	kind(t, "one more, by version 3", err, actions.Conflict)
	f.begin(t, job, "0", "again")
	f.begin(t, f.job(t), "more", "x")
}

// Threat: endless uploads. What nobody finishes takes of the quota, too.
func TestUploadsWithoutAnEndHaveTheQuotaOfTheRepository(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		f := newFixture(t, st, func(l *artifact.Limits) { l.Quota = 100 })
		job := f.job(t)
		f.add(t, job, "live", strings.Repeat("x", 20))
		a := f.begin(t, job, "a", strings.Repeat("x", 60))
		if _, err := f.Uploading(t.Context(), a.ID); err != nil {
			t.Errorf("with room: %v", err)
		}
		three, err := f.BeginV3(t.Context(), job, "three", 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.v3(t, job, three, "a", strings.Repeat("x", 60), false); err != nil { // it may be the last
			t.Fatal(err)
		}
		_, err = f.Uploading(t.Context(), a.ID)
		kind(t, "version 4", err, actions.TooMany)
		kind(t, "version 3", f.v3(t, job, three, "b", "x", false), actions.TooMany)
		f.complete(t, job)
		if err := f.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		b := f.begin(t, f.job(t), "b", "x")
		if _, err := f.Uploading(t.Context(), b.ID); err != nil {
			t.Errorf("once the job is over: %v", err)
		}
	})
}

// ART-9: clients look for "insufficient usage" and stop.
func TestARepositoryHasAQuota(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx, f := t.Context(), newFixture(t, st, func(l *artifact.Limits) { l.Quota = 100 })
		job := f.job(t)
		content := strings.Repeat("MARKER", 10)
		f.begin(t, job, "b", content)
		a := f.add(t, job, "a", strings.Repeat("a", 60))
		_, err := f.Finalize(ctx, job, "b", 60, "")
		kind(t, "finalize beyond the quota", err, actions.TooMany)
		if err == nil || !strings.Contains(err.Error(), "insufficient usage") {
			t.Errorf("the error is %v", err)
		}
		if f.onDisk(t, "MARKER") || f.listed(t) != "a/60 " {
			t.Errorf("jobs see %s, bytes on disk: %v", f.listed(t), f.onDisk(t, "MARKER"))
		}
		c, err := f.Create(ctx, job, artifact.Upload{Name: "c"})
		if err != nil {
			t.Fatal(err)
		}
		if err := f.objects.PutWhole(ctx, c.ObjectID, bytes.NewReader(make([]byte, 41)), 41); err == nil {
			t.Error("an upload beyond the quota was taken")
		}
		f.add(t, job, "d", strings.Repeat("d", 40))
		_, err = f.Create(ctx, job, artifact.Upload{Name: "e"})
		kind(t, "create beyond the quota", err, actions.TooMany)
		if err := f.Delete(ctx, a); err != nil {
			t.Fatal(err)
		}
		f.add(t, job, "e", strings.Repeat("e", 60))
	})
}

// Threat: Artifact … deleted and uploaded again by a lower-trust job: a new upload
// gets a new id. Threat: Expired or deleted object … bytes really gone, and no reuse
// of ids.
func TestADeletedArtifactIsGoneAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx, f := t.Context(), newFixture(t, st, nil)
		job, other := f.job(t), f.job(t)
		small, large := "MARKER of few bytes", strings.Repeat("MARKER of many bytes\n", 10_000)
		for _, content := range []string{small, large} {
			a := f.add(t, job, "dist", content)
			if !f.onDisk(t, "MARKER") {
				t.Fatal("the scan of the disk does not find what is there")
			}
			if err := f.Delete(ctx, a); err != nil {
				t.Fatal(err)
			}
			if f.onDisk(t, "MARKER") {
				t.Errorf("%d bytes are still on disk", len(content))
			}
			_, err := f.Open(ctx, a)
			kind(t, "open", err, actions.NotFound)
			kind(t, "delete again", f.Delete(ctx, a), actions.NotFound)
			_, err = f.st.RepoArtifact(ctx, f.repo.ID, a.ID)
			kind(t, "row", err, actions.NotFound)
			b := f.add(t, other, "dist", "again")
			if b.ID <= a.ID {
				t.Errorf("artifact %d after %d", b.ID, a.ID)
			}
			if err := f.Delete(ctx, b); err != nil {
				t.Fatal(err)
			}
		}
		if n, bytes, err := f.st.ArtifactUsage(ctx, f.repo.ID); err != nil || n != 0 || bytes != 0 {
			t.Errorf("usage is %d artifacts of %d bytes, %v", n, bytes, err)
		}
	})
}

// ART-5: uniqueness is per attempt, lists are per run, and ids grow.
func TestEachAttemptHasItsNames(t *testing.T) {
	f := open(t, nil)
	job := f.job(t)
	first := f.add(t, job, "dist", "one")
	again := *f.job(t)
	err := f.st.Update(t.Context(), func(tx *store.Tx) error {
		return tx.CreateAttempt(t.Context(), &actions.Attempt{RunID: f.run.ID, Number: 2, PlanID: "p2", Triggering: f.repo.Owner, Status: actions.InProgress})
	})
	if err != nil {
		t.Fatal(err)
	}
	again.Attempt = 2
	second := f.add(t, &again, "dist", "twice")
	if second.ID <= first.ID {
		t.Errorf("artifact %d after %d", second.ID, first.ID)
	}
	if got := f.listed(t); got != "dist/3 dist/5 " {
		t.Errorf("jobs see %s", got)
	}
}

// Deleting a run deletes its artifacts: rows, sums and bytes, and those of uploads
// that go on.
func TestArtifactsOfADeletedRunAreGoneAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx, f := t.Context(), newFixture(t, st, nil)
		job := f.job(t)
		f.add(t, job, "live", "MARKER of a live one")
		f.begin(t, job, "pending", "MARKER of a pending one")
		v3, err := f.BeginV3(ctx, job, "files", 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.v3(t, job, v3, "a", "MARKER of a file", false); err != nil {
			t.Fatal(err)
		}
		doomed := f.run
		f.run = f.addRun(t)
		kept := f.add(t, f.job(t), "live", "stays")
		err = st.Update(ctx, func(tx *store.Tx) error {
			objects, err := tx.RunObjects(ctx, doomed.ID)
			if err != nil {
				return err
			}
			if err := tx.DeleteRun(ctx, f.repo.ID, doomed.ID, f.now()); err != nil {
				return err
			}
			return f.objects.Drop(ctx, tx, objects...)
		})
		if err != nil {
			t.Fatal(err)
		}
		if f.onDisk(t, "MARKER") || f.read(t, kept) != "stays" {
			t.Errorf("bytes on disk: %v, and of the other run %q", f.onDisk(t, "MARKER"), f.read(t, kept))
		}
		if n, bytes, err := st.ArtifactUsage(ctx, f.repo.ID); err != nil || n != 1 || bytes != 5 {
			t.Errorf("usage is %d artifacts of %d bytes, %v", n, bytes, err)
		}
	})
}
