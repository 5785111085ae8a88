package resttest

import (
	"archive/zip"
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/artifact"
	"github.com/understudy-ci/understudy/internal/cache"
	"github.com/understudy-ci/understudy/internal/store"
)

// AddWorkflow adds the record of a workflow, whose name is its path.
func (s *Site) AddWorkflow(repo *actions.Repository, path string) *actions.Workflow {
	s.Helper()
	wf := &actions.Workflow{RepoID: repo.ID, Path: path, Name: path, State: actions.Active, CreatedAt: s.Now(), UpdatedAt: s.Now()}
	s.SaveWorkflow(wf)
	return wf
}

// SaveWorkflow saves the record of a workflow.
func (s *Site) SaveWorkflow(wf *actions.Workflow) {
	s.Helper()
	s.Must(s.Store.Update(s.Context(), func(tx *store.Tx) error { return tx.SaveWorkflow(s.Context(), wf) }))
}

// AddRun adds a run that is over, and lets the test change it before.
func (s *Site) AddRun(wf *actions.Workflow, change func(*actions.Run)) *actions.Run {
	s.Helper()
	now := s.Now()
	run := &actions.Run{
		RepoID: wf.RepoID, WorkflowID: wf.ID, Name: wf.Name, Title: "a title", Path: wf.Path, Event: "push", Ref: "refs/heads/main",
		HeadBranch: "main", HeadSHA: strings.Repeat("ab", 20), HeadCommit: actions.Commit{SHA: strings.Repeat("ab", 20), Tree: strings.Repeat("cd", 20)},
		Actor: *s.Alice, Triggering: *s.Alice, Attempt: 1, Status: actions.Completed, Conclusion: actions.Success,
		CreatedAt: now, StartedAt: now, UpdatedAt: now,
	}
	if change != nil {
		change(run)
	}
	at := &actions.Attempt{
		Number: 1, PlanID: uuid.NewString(), Triggering: run.Triggering, Status: run.Status, Conclusion: run.Conclusion,
		StartedAt: run.StartedAt, CompletedAt: run.UpdatedAt,
	}
	s.Must(s.Store.Update(s.Context(), func(tx *store.Tx) error {
		return tx.CreateRun(s.Context(), run, at, &actions.RunSource{Payload: []byte("{}"), Workflow: []byte("on: push")})
	}))
	return run
}

// AddJob adds a job that is over, and lets the test change it before.
func (s *Site) AddJob(run *actions.Run, change func(*actions.Job)) *actions.Job {
	s.Helper()
	j := &actions.Job{
		RunID: run.ID, RepoID: run.RepoID, OwnerID: s.Alice.ID, Attempt: 1, GUID: uuid.NewString(), Key: "build", Total: 1, Name: "build",
		Labels: []string{"self-hosted"}, Timeout: time.Hour, CancelTimeout: time.Minute, Status: actions.Completed, Conclusion: actions.Success,
		CreatedAt: s.Now(), CompletedAt: s.Now(),
	}
	if change != nil {
		change(j)
	}
	s.Must(s.Store.Update(s.Context(), func(tx *store.Tx) error { return tx.CreateJobs(s.Context(), []*actions.Job{j}) }))
	return j
}

// Started makes a job one that a runner has taken.
func Started(j *actions.Job) { j.StartedAt = j.CreatedAt }

// Running makes a job one that a runner works on.
func Running(j *actions.Job) {
	Started(j)
	j.Status, j.Conclusion, j.CompletedAt = actions.InProgress, "", time.Time{}
}

// AddLog gives a job a log of one line.
func (s *Site) AddLog(j *actions.Job) {
	s.Helper()
	Started(j)
	s.Must(s.Store.Update(s.Context(), func(tx *store.Tx) error { return tx.UpdateJob(s.Context(), j) }))
	s.Must(s.Logs.PutPart(s.Context(), j, uuid.NewString(), 1, strings.NewReader("2026-11-30T05:00:00.0000000Z hello\n")))
}

// Upload makes an artifact of bytes; a content type of "" is an archive's.
func (s *Site) Upload(j *actions.Job, name, contentType string, body []byte) *actions.Artifact {
	s.Helper()
	art, err := s.Artifacts.Create(s.Context(), j, artifact.Upload{Name: name, ContentType: contentType})
	s.Must(err)
	s.Must(s.Objects.PutWhole(s.Context(), art.ObjectID, bytes.NewReader(body), int64(len(body))))
	art, err = s.Artifacts.Finalize(s.Context(), j, name, int64(len(body)), "")
	s.Must(err)
	return art
}

// CacheVersion is the version of every cache that tests save.
const CacheVersion = "73885106f58cc52a7df9ec4d4a5622a5614813162cb516c759a30af6bf56e6f0"

// SaveCache saves a cache of a job.
func (s *Site) SaveCache(j *actions.Job, ref, key, content string) *actions.Cache {
	s.Helper()
	ctx, scopes := s.Context(), actions.CacheScopes(ref, "", "main", actions.CacheWrites)
	e, err := s.Caches.Reserve(ctx, j, scopes, cache.Upload{Key: key, Version: CacheVersion})
	s.Must(err)
	s.Must(s.Objects.PutWhole(ctx, e.ObjectID, strings.NewReader(content), int64(len(content))))
	e, err = s.Caches.Finalize(ctx, j, scopes, key, CacheVersion, int64(len(content)))
	s.Must(err)
	return e
}

// Archive is a zip file of names and texts in turn.
func (s *Site) Archive(files ...string) []byte {
	s.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		f, err := z.Create(files[i])
		s.Must(err)
		_, err = fmt.Fprint(f, files[i+1])
		s.Must(err)
	}
	s.Must(z.Close())
	return b.Bytes()
}

// Dist is an artifact with files of Alice's repository, its run, and the job, which
// still runs.
func (s *Site) Dist(files ...string) (*actions.Run, *actions.Job, *actions.Artifact) {
	s.Helper()
	run := s.AddRun(s.AddWorkflow(s.Repo, ".github/workflows/ci.yml"), nil)
	j := s.AddJob(run, Running)
	return run, j, s.Upload(j, "dist", "", s.Archive(files...))
}
