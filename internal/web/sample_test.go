package web_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/servertest"
	"github.com/understudy-ci/understudy/internal/store"
)

// A sample is a repository with runs of every kind.
type sample struct {
	*testSite
	owner                 *actions.Account
	repo                  *actions.Repository
	done, running, broken *actions.Run
	failed, live, queued  *actions.Job
	dist                  *actions.Artifact
}

// stamped is a log with a time before each line.
func stamped(lines ...string) string {
	var b strings.Builder
	for i, l := range lines {
		fmt.Fprintf(&b, "2026-11-20T12:43:%02d.6859909Z %s\n", i%60, l)
	}
	return b.String()
}

// newSample makes the sample; say makes the text that untrusted users choose.
func newSample(t testing.TB, say func(string) string, opts ...servertest.Option) *sample {
	t.Helper()
	s := &sample{testSite: newTestSite(t, opts...)}
	s.owner = s.User("octo")
	s.repo = s.testSite.repo(s.owner, "hello", false)
	s.repo.Description = say("A small program that greets the world")
	s.update(func(tx *store.Tx) error { return tx.UpdateRepository(t.Context(), s.repo) })
	s.testSite.repo(s.owner, "notes", true)
	s.addDone(say)
	s.addRunning(say)
	s.addArtifacts(say)
	s.addLocked(say)
	s.broken = s.addRun(s.repo, ".github/workflows/deploy.yml", func(r *actions.Run) {
		r.Name, r.Title = ".github/workflows/deploy.yml", say("Deploy on every tag")
		r.Status, r.Conclusion = actions.Completed, actions.Failure
	})
	check := s.addJob(s.broken, "", ".github/workflows/deploy.yml", completed(actions.Failure))
	s.annotate(check, actions.LevelFailure, ".github/workflows/deploy.yml", 12, 7, "Invalid workflow file", say("Unexpected value 'step'"))
	s.annotate(check, actions.LevelFailure, ".github/workflows/deploy.yml", 19, 3, "", say("Job 'ship' depends on unknown job 'pack'."))
	return s
}

func (s *sample) annotate(j *actions.Job, l actions.Level, path string, line, column int, title, message string) {
	s.Must(s.Store.CreateAnnotation(s.Context(), &actions.Annotation{
		JobID: j.ID, Path: path, StartLine: line, EndLine: line, StartColumn: column, Level: l, Title: title, Message: message,
	}))
}

func (s *sample) addDone(say func(string) string) {
	s.done = s.addRun(s.repo, ".github/workflows/ci.yml", func(r *actions.Run) {
		r.Name, r.Title, r.HeadBranch = say("CI"), say("Greet everybody, not only the world"), say("feature/greet")
		r.Status, r.Conclusion = actions.Completed, actions.Failure
		r.CreatedAt = time.Now().Add(-2 * time.Hour)
		r.StartedAt, r.UpdatedAt = r.CreatedAt, r.CreatedAt.Add(95*time.Second)
	})
	for i, os := range []string{"linux", "darwin", "windows"} {
		j := s.addJob(s.done, "build", say("build ("+os+", 1.26)"), func(j *actions.Job) {
			completed(actions.Success)(j)
			j.Index, j.Total = i, 3
		})
		s.addStep(j, 1, say("Set up job"), actions.Success, stamped("Current runner version: '2.330.0'"))
		st := s.addStep(j, 2, say("Run make"), actions.Success, stamped("ok"))
		if i == 0 {
			s.Must(s.Logs.PutSummary(s.Context(), j, st.GUID, strings.NewReader(say("## Built\n\n| target | size |\n|---|---|\n| linux | 4.2 MB |\n\nSee [the notes](https://example.com/notes) and `make`.\n"))))
		}
	}
	s.failed = s.addJob(s.done, "test", say("test"), completed(actions.Failure))
	s.addStep(s.failed, 1, say("Set up job"), actions.Success, stamped("Current runner version: '2.330.0'", "##[group]Operating System", "Debian GNU/Linux", "12", "##[endgroup]", "Prepare workflow directory"))
	s.addStep(s.failed, 2, say("Run actions/checkout@v5"), actions.Success, stamped("##[group]Run actions/checkout@v5", "with:", "  repository: octo/hello", "##[endgroup]", "Syncing repository: octo/hello"))
	s.addStep(s.failed, 3, say("Run go test ./..."), actions.Failure, stamped("##[group]Run go test ./...", "\x1b[36;1mgo test ./...\x1b[0m", "shell: /usr/bin/bash -e {0}", "##[endgroup]",
		"ok  \texample.com/hello\t0.012s", "\x1b[31m--- FAIL: TestGreet\x1b[0m (0.00s)", say("    greet_test.go:12: got \"Hello\", want \x1b[1m\"Hello, everybody\"\x1b[0m"), "\x1b[32m+ ok\x1b[0m \x1b[33mwarn\x1b[0m \x1b[7;45m bg \x1b[0m", "##[warning]"+say("Node is old"), "##[error]"+say("Process completed with exit code 1.")))
	s.addStep(s.failed, 4, say("Upload"), actions.Skipped, "")
	s.addStep(s.failed, 5, say("Complete job"), actions.Success, stamped("Cleaning up orphan processes"))
	s.annotate(s.failed, actions.LevelFailure, say("greet_test.go"), 12, 0, "", say("got \"Hello\", want \"Hello, everybody\""))
	s.annotate(s.failed, actions.LevelWarning, ".github", 1, 0, say("Deprecated"), say("Node is old"))
	s.addJob(s.done, "report", say("report"), func(j *actions.Job) {
		j.Status, j.Conclusion, j.CompletedAt = actions.Completed, actions.Skipped, time.Now()
	})
}

// addArtifacts adds one of each kind to the run that is done, with names that no
// service would take.
func (s *sample) addArtifacts(say func(string) string) {
	s.dist = s.addArtifact(s.failed, say("dist"), actions.ZipType, archived(s.TB, say("bin/hello")+".txt", "x", "README.md", "# Hello\n", "docs/", ""), nil)
	s.addArtifact(s.failed, say("report.html"), "text/html", []byte("<script>evil()</script>"), nil)
	s.addArtifact(s.failed, say("broken"), actions.ZipType, []byte("no archive"), nil)
	s.addArtifact(s.failed, say("coverage"), actions.ZipType, archived(s.TB, "c", "x"), func(a *actions.Artifact) {
		a.ExpiresAt = time.Now().Add(-time.Hour)
	})
}

// addLocked says what the actions of the run that is done stood for.
func (s *sample) addLocked(say func(string) string) {
	day := time.Now().Add(-24 * time.Hour)
	s.update(func(tx *store.Tx) error {
		return tx.LockActions(s.Context(), s.done.ID, 1, []*actions.LockedAction{
			{Name: say("actions/checkout"), Ref: say("v5"), SHA: strings.Repeat("c", 40), Origin: actions.BuiltIn},
			{Name: say("docker/login-action"), Ref: say("v3"), SHA: strings.Repeat("d", 40), Origin: actions.Fetched, Host: "https://" + say("github.com"), KeptAt: day, AskedAt: day},
			{Name: "octo/tools", Ref: "main", SHA: strings.Repeat("e", 40), Origin: actions.OfRepository},
			{Name: "acme/files", Ref: "v1", SHA: strings.Repeat("f", 40), Origin: actions.MadeHere, KeptAt: day},
		})
	})
}

func (s *sample) addRunning(say func(string) string) {
	s.running = s.addRun(s.repo, ".github/workflows/ci.yml", func(r *actions.Run) {
		r.Name, r.Title = say("CI"), say("Merge branch 'feature/greet'")
		r.CreatedAt = time.Now().Add(-40 * time.Second)
		r.StartedAt = r.CreatedAt
	})
	s.live = s.addJob(s.running, "build", say("build"), func(j *actions.Job) {
		j.Status, j.StartedAt, j.RunnerName = actions.InProgress, time.Now().Add(-20*time.Second), say("box-2")
	})
	s.Must(s.Logs.Note(s.Context(), s.live, s.Logs.NewPart(), say("Lifted the host check of the Actions toolkit in octo/setup-hello@v1 (dist/index.js).")))
	s.addStep(s.live, 1, say("Set up job"), actions.Success, stamped("Runner name: 'box-2'"))
	s.addStep(s.live, 2, say("Run make"), "", stamped("cc -c hello.c", "cc -o hello hello.o"))
	s.queued = s.addJob(s.running, "gpu", say("gpu"), func(j *actions.Job) { j.Labels = []string{"self-hosted", say("gpu")} })
}
