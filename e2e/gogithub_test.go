package e2e_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-github/v89/github"
)

// goGithub is go-github's client of a server, as its users set it up.
func goGithub(t *testing.T, url, token string, more ...github.ClientOptionsFunc) *github.Client {
	t.Helper()
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c, err := github.NewClient(append([]github.ClientOptionsFunc{
		github.WithHTTPClient(&http.Client{Transport: conforming(t), CheckRedirect: stay}), github.WithAuthToken(token), github.WithEnterpriseURLs(url, url),
	}, more...)...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// ok is a result of go-github that is no error.
func ok[T any](t *testing.T) func(T, *github.Response, error) T {
	t.Helper()
	return func(v T, _ *github.Response, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// refused checks that an error of go-github is GitHub's.
func refused(t *testing.T, err error, status int, message string) {
	t.Helper()
	e, is := errors.AsType[*github.ErrorResponse](err)
	if !is || e.Response.StatusCode != status || e.Message != message {
		t.Errorf("got %v, want %d %s", err, status, message)
	}
}

// download reads a signed URL without a token.
func download(t *testing.T, u *url.URL) []byte {
	t.Helper()
	a := (&server{t: t, url: u.Scheme + "://" + u.Host}).ask("", http.MethodGet, u.String(), nil)
	a.want(http.StatusOK, "")
	return a.body
}

func names[T any](all []*T, name func(*T) string) []string {
	var list []string
	for _, v := range all {
		list = append(list, name(v))
	}
	slices.Sort(list)
	return list
}

func TestGoGithubReadsWhatTheDemoMade(t *testing.T) {
	t.Parallel()
	d := keepDemo(t)
	c, ctx := goGithub(t, d.url, d.token), t.Context()
	const owner, name, file = "octo", "hello", "ci.yml"
	repo := ok[*github.Repository](t)(c.Repositories.Get(ctx, owner, name))
	if repo.GetFullName() != "octo/hello" || repo.GetDefaultBranch() != "main" || repo.GetOwner().GetLogin() != owner || !repo.GetPermissions().GetAdmin() {
		t.Errorf("repository: %s", github.Stringify(repo))
	}
	if u := ok[*github.User](t)(c.Users.Get(ctx, "")); u.GetLogin() != owner {
		t.Errorf("user: %s", github.Stringify(u))
	}
	head := ok[*github.RepositoryCommit](t)(c.Repositories.GetCommit(ctx, owner, name, "main", nil))

	// Workflows.
	workflows := ok[*github.Workflows](t)(c.Actions.ListWorkflows(ctx, owner, name, nil))
	if workflows.GetTotalCount() != 1 || workflows.Workflows[0].GetPath() != ".github/workflows/ci.yml" {
		t.Fatalf("workflows: %v", workflows)
	}
	w := ok[*github.Workflow](t)(c.Actions.GetWorkflowByFileName(ctx, owner, name, file))
	if diff := cmp.Diff(workflows.Workflows[0], w); diff != "" {
		t.Errorf("workflow by file (-list +get):\n%s", diff)
	}
	if diff := cmp.Diff(w, ok[*github.Workflow](t)(c.Actions.GetWorkflowByID(ctx, owner, name, w.GetID()))); diff != "" {
		t.Errorf("workflow by id (-by file +by id):\n%s", diff)
	}

	// The run, by every way to it.
	runs := ok[*github.WorkflowRuns](t)(c.Actions.ListRepositoryWorkflowRuns(ctx, owner, name, nil))
	if runs.GetTotalCount() != 1 {
		t.Fatalf("runs: %v", runs)
	}
	r := ok[*github.WorkflowRun](t)(c.Actions.GetWorkflowRunByID(ctx, owner, name, runs.WorkflowRuns[0].GetID()))
	if r.GetStatus() != "completed" || r.GetConclusion() != "success" || r.GetHeadSHA() != head.GetSHA() || r.GetRunNumber() != 1 ||
		r.GetEvent() != "push" || r.GetWorkflowID() != w.GetID() || r.GetActor().GetLogin() != owner || r.GetDisplayTitle() != head.GetCommit().GetMessage() {
		t.Errorf("run: %s", github.Stringify(r))
	}
	for _, o := range []struct {
		options github.ListWorkflowRunsOptions
		count   int
	}{
		{github.ListWorkflowRunsOptions{Branch: "main", Event: "push", Status: "success", Actor: "octo", HeadSHA: r.GetHeadSHA()}, 1},
		{github.ListWorkflowRunsOptions{CheckSuiteID: r.GetCheckSuiteID(), ExcludePullRequests: true}, 1},
		{github.ListWorkflowRunsOptions{Created: ">=" + r.GetCreatedAt().Format(time.DateOnly)}, 1},
		{github.ListWorkflowRunsOptions{Created: "<2008-04-10"}, 0},
		{github.ListWorkflowRunsOptions{Status: "failure"}, 0},
		{github.ListWorkflowRunsOptions{Branch: "topic"}, 0},
		{github.ListWorkflowRunsOptions{Actor: "admin"}, 0},
		{github.ListWorkflowRunsOptions{Event: "workflow_dispatch"}, 0},
	} {
		all := ok[*github.WorkflowRuns](t)(c.Actions.ListRepositoryWorkflowRuns(ctx, owner, name, &o.options))
		byFile := ok[*github.WorkflowRuns](t)(c.Actions.ListWorkflowRunsByFileName(ctx, owner, name, file, &o.options))
		if all.GetTotalCount() != o.count || len(all.WorkflowRuns) != o.count || byFile.GetTotalCount() != o.count {
			t.Errorf("runs with %+v: %d and %d, want %d", o.options, all.GetTotalCount(), byFile.GetTotalCount(), o.count)
		}
	}
	attempt := ok[*github.WorkflowRun](t)(c.Actions.GetWorkflowRunAttempt(ctx, owner, name, r.GetID(), 1, nil))
	if attempt.GetID() != r.GetID() || attempt.GetRunAttempt() != 1 || attempt.GetConclusion() != "success" {
		t.Errorf("attempt: %s", github.Stringify(attempt))
	}
	artifacts := ok[*github.ArtifactList](t)(c.Actions.ListWorkflowRunArtifacts(ctx, owner, name, r.GetID(), nil))
	all := ok[*github.ArtifactList](t)(c.Actions.ListArtifacts(ctx, owner, name, nil))
	if diff := cmp.Diff(artifacts, all); diff != "" || artifacts.GetTotalCount() == 0 {
		t.Errorf("artifacts (-run +repository):\n%s", diff)
	}

	t.Run("jobs", func(t *testing.T) { readJobs(t, goGithub(t, d.url, d.token), r) })
	t.Run("logs", func(t *testing.T) { // go-github has two ways to follow
		readLogs(t, goGithub(t, d.url, d.token), r)
		readLogs(t, goGithub(t, d.url, d.token, github.WithRateLimitRedirectionalEndpoints()), r)
	})
	t.Run("nothing", func(t *testing.T) { readNothing(t, goGithub(t, d.url, d.token), d.url) })
}

// readJobs reads the jobs of the demo's run, and their checks.
func readJobs(t *testing.T, c *github.Client, r *github.WorkflowRun) {
	t.Helper()
	ctx := t.Context()
	const owner, name = "octo", "hello"
	jobs := ok[*github.Jobs](t)(c.Actions.ListWorkflowJobs(ctx, owner, name, r.GetID(), &github.ListWorkflowJobsOptions{Filter: "latest"}))
	want := []string{"build (de)", "build (en)", "build (fr)", "report", "test"}
	if diff := cmp.Diff(want, names(jobs.Jobs, (*github.WorkflowJob).GetName)); diff != "" || jobs.GetTotalCount() != len(want) {
		t.Fatalf("jobs (-want +got):\n%s", diff)
	}
	page := ok[*github.Jobs](t)(c.Actions.ListWorkflowJobsAttempt(ctx, owner, name, r.GetID(), 1, &github.ListOptions{PerPage: 2, Page: 3}))
	if page.GetTotalCount() != len(want) || len(page.Jobs) != 1 || page.Jobs[0].GetID() != jobs.Jobs[4].GetID() {
		t.Errorf("third page of two jobs: %v", page)
	}
	_, response, err := c.Actions.ListWorkflowJobs(ctx, owner, name, r.GetID(), &github.ListWorkflowJobsOptions{ListOptions: github.ListOptions{PerPage: 2}})
	if err != nil || response.NextPage != 2 || response.LastPage != 3 || response.Rate.Limit == 0 {
		t.Errorf("first page: %+v, %v", response, err)
	}
	checks := ok[*github.ListCheckRunsResults](t)(c.Checks.ListCheckRunsForRef(ctx, owner, name, r.GetHeadSHA(), nil))
	if diff := cmp.Diff(want, names(checks.CheckRuns, (*github.CheckRun).GetName)); diff != "" {
		t.Errorf("check runs (-want +got):\n%s", diff)
	}
	suite := ok[*github.ListCheckRunsResults](t)(c.Checks.ListCheckRunsCheckSuite(ctx, owner, name, r.GetCheckSuiteID(), nil))
	if suite.GetTotal() != len(want) {
		t.Errorf("check runs of the suite: %s", github.Stringify(suite))
	}
	for _, j := range jobs.Jobs {
		if j.GetStatus() != "completed" || j.GetConclusion() != "success" || j.GetRunID() != r.GetID() || !strings.HasPrefix(j.GetRunnerName(), "bundled-") ||
			j.GetWorkflowName() != "CI" || !slices.Equal(j.Labels, []string{"ubuntu-latest"}) || j.GetCompletedAt().Before(j.GetStartedAt().Time) {
			t.Errorf("job: %s", github.Stringify(j))
		}
		last := int64(0)
		for _, s := range j.Steps { // there are gaps before the steps at the end, as on GitHub
			if s.GetNumber() <= last || s.GetConclusion() != "success" {
				t.Errorf("step after %d of %s: %s", last, j.GetName(), github.Stringify(s))
			}
			last = s.GetNumber()
		}
		if got := ok[*github.WorkflowJob](t)(c.Actions.GetWorkflowJobByID(ctx, owner, name, j.GetID())); !cmp.Equal(got, j) {
			t.Errorf("job (-list +get):\n%s", cmp.Diff(j, got))
		}
		check := ok[*github.CheckRun](t)(c.Checks.GetCheckRun(ctx, owner, name, j.GetID()))
		if check.GetName() != j.GetName() || check.GetConclusion() != "success" || check.GetHeadSHA() != r.GetHeadSHA() {
			t.Errorf("check run: %s", github.Stringify(check))
		}
		if all := ok[[]*github.CheckRunAnnotation](t)(c.Checks.ListCheckRunAnnotations(ctx, owner, name, j.GetID(), nil)); len(all) != 0 {
			t.Errorf("annotations: %v", all)
		}
	}
}

// readLogs downloads the logs of the demo's run.
func readLogs(t *testing.T, c *github.Client, r *github.WorkflowRun) {
	t.Helper()
	ctx := t.Context()
	const owner, name = "octo", "hello"
	location := ok[*url.URL](t)(c.Actions.GetWorkflowRunLogs(ctx, owner, name, r.GetID(), 3))
	text := download(t, location)
	archive, err := zip.NewReader(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	f, err := archive.Open("build (de)/3_Build.txt")
	if err != nil {
		t.Fatalf("%v in %d files", err, len(archive.File))
	}
	step, err := io.ReadAll(f)
	if err != nil || !bytes.Contains(step, []byte("Z built dist/hello-de")) {
		t.Errorf("step: %v\n%s", err, step)
	}
	location = ok[*url.URL](t)(c.Actions.GetWorkflowRunAttemptLogs(ctx, owner, name, r.GetID(), 1, 3))
	if again := download(t, location); !bytes.Equal(text, again) {
		t.Errorf("the archive of attempt 1 has %d bytes, that of the run %d", len(again), len(text))
	}
	for _, j := range ok[*github.Jobs](t)(c.Actions.ListWorkflowJobs(ctx, owner, name, r.GetID(), nil)).Jobs {
		log := download(t, ok[*url.URL](t)(c.Actions.GetWorkflowJobLogs(ctx, owner, name, j.GetID(), 3)))
		if !bytes.Contains(log, []byte("Complete job name: "+j.GetName())) {
			t.Errorf("log of %s:\n%s", j.GetName(), log)
		}
	}
}

// readNothing asks for what is not there.
func readNothing(t *testing.T, c *github.Client, address string) {
	t.Helper()
	ctx := t.Context()
	const owner, name = "octo", "hello"
	_, _, err := c.Actions.GetWorkflowRunByID(ctx, owner, name, 123456789)
	refused(t, err, http.StatusNotFound, "Not Found")
	_, _, err = c.Actions.GetWorkflowJobByID(ctx, owner, name, 123456789)
	refused(t, err, http.StatusNotFound, "Not Found")
	_, _, err = c.Actions.GetWorkflowByFileName(ctx, owner, name, "nothing.yml")
	refused(t, err, http.StatusNotFound, "Not Found")
	_, _, err = c.Checks.GetCheckRun(ctx, owner, name, 123456789)
	refused(t, err, http.StatusNotFound, "Not Found")
	_, _, err = c.Repositories.Get(ctx, owner, "nothing")
	refused(t, err, http.StatusNotFound, "Not Found")
	_, _, err = c.Actions.CreateWorkflowDispatchEventByFileName(ctx, owner, name, "ci.yml", github.CreateWorkflowDispatchEventRequest{Ref: "nothing"})
	refused(t, err, http.StatusUnprocessableEntity, "No ref found for: nothing")
	_, _, err = c.Actions.CreateWorkflowDispatchEventByFileName(ctx, owner, name, "ci.yml", github.CreateWorkflowDispatchEventRequest{Ref: "main", Inputs: map[string]any{"a": "b"}})
	refused(t, err, http.StatusUnprocessableEntity, `Unexpected inputs provided: ["a"]`)
	_, _, err = goGithub(t, address, "ghp_0123456789").Users.Get(ctx, "")
	refused(t, err, http.StatusUnauthorized, "Bad credentials")
}

func TestGoGithubDispatchesCancelsRerunsAndDeletes(t *testing.T) {
	t.Parallel()
	r := startServer(t).newRepository("hello")
	g := newGate(t)
	steps := strings.Replace(g.steps(), "i=0;", "trap exit INT; echo hello ${{inputs.who}}; i=0;", 1)
	r.commit(".github/workflows/ci.yml", "on: {workflow_dispatch: {inputs: {who: {required: true}}}}\n"+
		strings.TrimPrefix(workflow("ubuntu-latest", steps), "on: push\n"))
	r.push()
	c, ctx := goGithub(t, r.url, r.token), t.Context()
	const owner, name = "admin", "hello"

	event := github.CreateWorkflowDispatchEventRequest{Ref: "main", Inputs: map[string]any{"who": "Go"}}
	if _, _, err := c.Actions.CreateWorkflowDispatchEventByFileName(ctx, owner, name, "ci.yml", event); err != nil {
		t.Fatal(err)
	}
	one := r.runAt(".github/workflows/ci.yml", "workflow_dispatch")
	g.pass(1)
	_, err := c.Actions.RerunWorkflowByID(ctx, owner, name, one.ID)
	refused(t, err, http.StatusForbidden, "This workflow is already running")
	_, err = c.Actions.DeleteWorkflowRun(ctx, owner, name, one.ID)
	refused(t, err, http.StatusForbidden, "Could not delete the workflow run")
	if _, err = c.Actions.CancelWorkflowRunByID(ctx, owner, name, one.ID); !is[*github.AcceptedError](err) {
		t.Errorf("cancel: %v", err)
	}
	r.await(one, "cancelled")
	_, err = c.Actions.CancelWorkflowRunByID(ctx, owner, name, one.ID)
	refused(t, err, http.StatusConflict, "Cannot cancel a workflow run that is completed.")

	g.open()
	if _, err = c.Actions.RerunWorkflowByID(ctx, owner, name, one.ID); err != nil {
		t.Fatal(err)
	}
	r.await(one, "success")
	jobs := ok[*github.Jobs](t)(c.Actions.ListWorkflowJobs(ctx, owner, name, one.ID, &github.ListWorkflowJobsOptions{Filter: "all"}))
	if got := names(jobs.Jobs, func(j *github.WorkflowJob) string { return fmt.Sprint(j.GetRunAttempt(), " ", j.GetConclusion()) }); !slices.Equal(got, []string{"1 cancelled", "2 success"}) {
		t.Errorf("jobs of all attempts: %s", github.Stringify(got))
	}
	for attempt, conclusion := range map[int]string{1: "cancelled", 2: "success"} {
		a := ok[*github.WorkflowRun](t)(c.Actions.GetWorkflowRunAttempt(ctx, owner, name, one.ID, attempt, nil))
		if a.GetConclusion() != conclusion || a.GetRunAttempt() != attempt {
			t.Errorf("attempt %d: %v", attempt, a)
		}
		log := download(t, ok[*url.URL](t)(c.Actions.GetWorkflowRunAttemptLogs(ctx, owner, name, one.ID, attempt, 1)))
		if _, err := zip.NewReader(bytes.NewReader(log), int64(len(log))); err != nil {
			t.Errorf("logs of attempt %d: %v", attempt, err)
		}
	}
	if _, err = c.Actions.DeleteWorkflowRunLogs(ctx, owner, name, one.ID); err != nil {
		t.Error(err)
	}
	if _, res, err := c.Actions.GetWorkflowRunLogs(ctx, owner, name, one.ID, 1); err == nil || res.StatusCode != http.StatusGone {
		t.Errorf("logs that were deleted: %v, want 410", err)
	}
	if _, err = c.Actions.DeleteWorkflowRun(ctx, owner, name, one.ID); err != nil {
		t.Error(err)
	}
	_, _, err = c.Actions.GetWorkflowRunByID(ctx, owner, name, one.ID)
	refused(t, err, http.StatusNotFound, "Not Found")
}

// is says whether an error is, or wraps, one of a type.
func is[E error](err error) bool {
	_, found := errors.AsType[E](err)
	return found
}

func TestGoGithubMakesARunnerForOneJob(t *testing.T) {
	t.Parallel()
	r := startServer(t, "--runners", "0").newRepository("hello")
	c, ctx := goGithub(t, r.url, r.token), t.Context()
	const owner, name = "admin", "hello"
	token := ok[*github.RegistrationToken](t)(c.Actions.CreateRegistrationToken(ctx, owner, name))
	if token.GetToken() == "" || !token.GetExpiresAt().After(time.Now()) {
		t.Errorf("registration token: %s", github.Stringify(token))
	}
	request := github.CreateJITConfigRequest{Name: "once", RunnerGroupID: 1, Labels: []string{"mine"}}
	jit := ok[*github.JITRunnerConfig](t)(c.Actions.CreateRepoJITConfig(ctx, owner, name, request))
	if got := jit.GetRunner(); got.GetName() != "once" || got.GetStatus() != "offline" || got.GetBusy() {
		t.Errorf("runner: %s", github.Stringify(got))
	}
	_, _, err := c.Actions.CreateRepoJITConfig(ctx, owner, name, request)
	refused(t, err, http.StatusConflict, "Already exists - A runner with the name once already exists.")

	one, two := r.pushWorkflow(quick("mine")), r.pushWorkflow(quick("mine"))
	code, out := execute(t, environment(t), "runner", "--work", filepath.Join(t.TempDir(), "work"), "--jitconfig", jit.GetEncodedJITConfig())
	if code != 0 {
		t.Errorf("the runner ends with %d:\n%s", code, out)
	}
	r.await(one, "success")
	if j := r.job(one); j.Runner != "once" {
		t.Errorf("job: %+v", j)
	}
	if j := r.job(two); j.Status != "queued" {
		t.Errorf("the next job: %+v", j)
	}
	if left := ok[*github.Runners](t)(c.Actions.ListRunners(ctx, owner, name, nil)); left.TotalCount != 0 {
		t.Errorf("runners: %v", left.Runners)
	}

	other := r.newRunner("other", "mine")
	r.await(two, "success")
	var runners *github.Runners
	until(t, "the runner is not online", func() bool { // it is noted with others
		runners = ok[*github.Runners](t)(c.Actions.ListRunners(ctx, owner, name, &github.ListRunnersOptions{Name: new("other")}))
		return runners.TotalCount == 1 && runners.Runners[0].GetStatus() == "online"
	})
	id := runners.Runners[0].GetID()
	if got := ok[*github.Runner](t)(c.Actions.GetRunner(ctx, owner, name, id)); got.GetName() != "other" || !strings.EqualFold(got.GetOS(), "linux") {
		t.Errorf("runner: %s", github.Stringify(got))
	}
	other.stop(t)
	if _, err := c.Actions.RemoveRunner(ctx, owner, name, id); err != nil {
		t.Error(err)
	}
	_, _, err = c.Actions.GetRunner(ctx, owner, name, id)
	refused(t, err, http.StatusNotFound, "Not Found")
}
