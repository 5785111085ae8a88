package artifact_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/artifact"
	blobfs "github.com/understudy-ci/understudy/internal/blob/fs"
	"github.com/understudy-ci/understudy/internal/object"
	"github.com/understudy-ci/understudy/internal/settings"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// A fixture is a repository with a run, on real storage, under a clock that tests
// move.
type fixture struct {
	*artifact.Artifacts
	st      *store.Store
	objects *object.Objects
	dir     string // of blobs
	repo    *actions.Repository
	run     *actions.Run
	ahead   atomic.Int64 // of the real clock, in nanoseconds
	set     *settings.Settings
	reopen  func() *artifact.Artifacts
}

func newFixture(t testing.TB, st *store.Store, change func(*artifact.Limits)) *fixture {
	t.Helper()
	return newFixtureWith(t, st, change, blobfs.Options{Now: time.Now, NoSync: true})
}

func newFixtureWith(t testing.TB, st *store.Store, change func(*artifact.Limits), o blobfs.Options) *fixture {
	t.Helper()
	f := &fixture{st: st, set: settings.New(st), dir: filepath.Join(t.TempDir(), "blobs")}
	blobs, err := blobfs.New(f.dir, o)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	f.objects = object.New(object.Config{Store: st, Blobs: blobs, Log: log, Now: f.now, Exclusive: true})
	limits := artifact.DefaultLimits()
	if change != nil {
		change(&limits)
	}
	f.reopen = func() *artifact.Artifacts {
		return artifact.New(artifact.Config{Store: st, Objects: f.objects, Settings: f.set, Log: log, Now: f.now, Limits: limits})
	}
	f.Artifacts = f.reopen()
	f.addRepository(t)
	return f
}

// open makes a fixture on SQLite.
func open(t testing.TB, change func(*artifact.Limits)) *fixture {
	t.Helper()
	return newFixture(t, storetest.Open(t), change)
}

func (f *fixture) now() time.Time { return time.Now().Add(time.Duration(f.ahead.Load())) }

func (f *fixture) pass(d time.Duration) { f.ahead.Add(int64(d)) }

func (f *fixture) addRepository(t testing.TB) {
	t.Helper()
	ctx, now := t.Context(), f.now()
	owner := &actions.Account{Login: "octo", Type: actions.User, CreatedAt: now, UpdatedAt: now}
	if err := f.st.CreateAccount(ctx, owner); err != nil {
		t.Fatal(err)
	}
	f.repo = &actions.Repository{Owner: *owner, Name: "repo", DefaultBranch: "main", CreatedAt: now, UpdatedAt: now}
	if err := f.st.CreateRepository(ctx, f.repo); err != nil {
		t.Fatal(err)
	}
	f.run = f.addRun(t)
}

func (f *fixture) addRun(t testing.TB) *actions.Run {
	t.Helper()
	ctx, now, owner := t.Context(), f.now(), f.repo.Owner
	var run *actions.Run
	err := f.st.Update(ctx, func(tx *store.Tx) error {
		w := &actions.Workflow{RepoID: f.repo.ID, Path: "ci.yml", Name: "CI", State: actions.Active, CreatedAt: now, UpdatedAt: now}
		if err := tx.SaveWorkflow(ctx, w); err != nil {
			return err
		}
		run = &actions.Run{
			RepoID: f.repo.ID, WorkflowID: w.ID, Name: "CI", Event: "push", HeadBranch: "main", HeadSHA: "abc",
			Actor: owner, Triggering: owner, Attempt: 1, Status: actions.InProgress, CreatedAt: now,
		}
		a := &actions.Attempt{Number: 1, PlanID: uuid.NewString(), Triggering: owner, Status: actions.InProgress}
		return tx.CreateRun(ctx, run, a, &actions.RunSource{Workflow: []byte("on: push")})
	})
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// keepFor sets for how many days the repository's artifacts are kept.
func (f *fixture) keepFor(t testing.TB, days int) {
	t.Helper()
	if err := f.set.Update(t.Context(), settings.Repo(f.repo), settings.Set(settings.RetentionDays, days)); err != nil {
		t.Fatal(err)
	}
}

// job adds a job in progress to the run.
func (f *fixture) job(t testing.TB) *actions.Job {
	t.Helper()
	j := &actions.Job{
		RunID: f.run.ID, RepoID: f.repo.ID, OwnerID: f.repo.Owner.ID, Attempt: 1, GUID: uuid.NewString(), Key: uuid.NewString(), Total: 1,
		Labels: []string{"x"}, Status: actions.InProgress, CreatedAt: f.now(),
	}
	if err := f.st.Update(t.Context(), func(tx *store.Tx) error { return tx.CreateJobs(t.Context(), []*actions.Job{j}) }); err != nil {
		t.Fatal(err)
	}
	return j
}

func (f *fixture) complete(t testing.TB, j *actions.Job) {
	t.Helper()
	j.Complete(actions.Success, f.now())
	if err := f.st.Update(t.Context(), func(tx *store.Tx) error { return tx.UpdateJob(t.Context(), j) }); err != nil {
		t.Fatal(err)
	}
}

// begin creates an artifact and puts its content, and does not finish it.
func (f *fixture) begin(t testing.TB, j *actions.Job, name, content string) *actions.Artifact {
	t.Helper()
	a, err := f.Create(t.Context(), j, artifact.Upload{Name: name})
	if err != nil {
		t.Fatalf("create %s: %v", name, err)
	}
	f.put(t, a, content)
	return a
}

func (f *fixture) put(t testing.TB, a *actions.Artifact, content string) {
	t.Helper()
	if err := f.objects.PutWhole(t.Context(), a.ObjectID, bytes.NewReader([]byte(content)), int64(len(content))); err != nil {
		t.Fatalf("put %s: %v", a.Name, err)
	}
}

// add makes a live artifact.
func (f *fixture) add(t testing.TB, j *actions.Job, name, content string) *actions.Artifact {
	t.Helper()
	f.begin(t, j, name, content)
	a, err := f.Finalize(t.Context(), j, name, int64(len(content)), digest(content))
	if err != nil {
		t.Fatalf("finalize %s: %v", name, err)
	}
	return a
}

func digest(content string) string {
	sum := sha256.Sum256([]byte(content))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// read returns the bytes of an artifact.
func (f *fixture) read(t testing.TB, a *actions.Artifact) string {
	t.Helper()
	r, err := f.Open(t.Context(), a)
	if err != nil {
		t.Fatalf("open artifact %d: %v", a.ID, err)
	}
	defer r.Close()
	content, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("read artifact %d: %v", a.ID, err)
	}
	return string(content)
}

// listed is what jobs of the run see.
func (f *fixture) listed(t testing.TB) string {
	t.Helper()
	list, err := f.List(t.Context(), f.run.ID, artifact.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	s := ""
	for _, a := range list {
		s += fmt.Sprintf("%s/%d ", a.Name, a.Size)
	}
	return s
}

// onDisk tells whether any file of the blob store has the text.
func (f *fixture) onDisk(t testing.TB, text string) bool {
	t.Helper()
	found := false
	err := filepath.WalkDir(f.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		found = found || bytes.Contains(content, []byte(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func kind(t testing.TB, what string, err error, want actions.Kind) {
	t.Helper()
	if got := actions.KindOf(err); got != want {
		t.Errorf("%s: %q (%v), want %q", what, got, err, want)
	}
}
