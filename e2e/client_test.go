package e2e_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/client"
)

// A run, a job and a registered runner, as far as the tests look at them.
type (
	run struct {
		ID                              int64
		Event, Path, Status, Conclusion string
		Branch                          string `json:"head_branch"`
		SHA                             string `json:"head_sha"`
		Title                           string `json:"display_title"`
	}
	job struct {
		ID                       int64
		Name, Status, Conclusion string
		Runner                   string `json:"runner_name"`
	}
	registered struct {
		ID           int64
		Name, Status string
		Busy         bool
	}
)

// client is the REST API for the holder of a token, or for nobody.
func (s *server) client(token string, transport http.RoundTripper) *client.Client {
	s.t.Helper()
	c, err := client.New(client.Config{URL: s.url, Token: token, Transport: transport})
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// admin is the REST API for the site admin.
func (s *server) admin() *client.Client {
	s.t.Helper()
	return s.client(s.token, http.DefaultTransport)
}

// do sends a request that must succeed to the REST API, as the site admin. It
// fills out, unless that is nil.
func (s *server) do(method, path string, in, out any) {
	s.t.Helper()
	if err := s.admin().Do(s.t.Context(), method, path, in, out); err != nil {
		s.t.Fatal(err)
	}
}

// read reads what the REST API gives the site admin at a path.
func (s *server) read(path string) []byte {
	s.t.Helper()
	body, err := s.admin().Read(s.t.Context(), path)
	if err != nil {
		s.t.Fatal(err)
	}
	return body
}

// registrationToken makes a token for runners of a scope: /repos/OWNER/REPO,
// /orgs/ORG or /enterprises/NAME.
func (s *server) registrationToken(scope string) string {
	s.t.Helper()
	var v struct{ Token string }
	s.do(http.MethodPost, scope+"/actions/runners/registration-token", nil, &v)
	return v.Token
}

// runners lists what is registered in a scope.
func (s *server) runners(scope string) []registered {
	s.t.Helper()
	var v struct{ Runners []registered }
	s.do(http.MethodGet, scope+"/actions/runners?per_page=100", nil, &v)
	return v.Runners
}

// A repository is one on the server, and a working tree that pushes to it.
type repository struct {
	*server
	name string   // OWNER/NAME
	api  string   // /repos/OWNER/NAME
	tree string   // directory of the working tree
	env  []string // of git, which shows the server the admin's token

	commits int
}

// newRepository makes a private repository of the site admin and a working tree
// on its branch main.
func (s *server) newRepository(name string) *repository {
	s.t.Helper()
	s.do(http.MethodPost, "/user/repos", map[string]any{"name": name, "private": true}, nil)
	return s.workingTree("admin/" + name)
}

// workingTree makes a working tree, on its branch main, of a repository that is on the
// server.
func (s *server) workingTree(name string) *repository {
	s.t.Helper()
	r := &repository{server: s, name: name, api: "/repos/" + name, tree: filepath.Join(s.t.TempDir(), filepath.Base(name))}
	basic := base64.StdEncoding.EncodeToString([]byte("admin:" + s.token))
	r.env = append(environment(s.t),
		"GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=Octo", "GIT_AUTHOR_EMAIL=octo@example.com", "GIT_COMMITTER_NAME=Octo", "GIT_COMMITTER_EMAIL=octo@example.com",
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=http."+s.url+"/.extraHeader", "GIT_CONFIG_VALUE_0=Authorization: Basic "+basic)
	r.mustGit("init", "--quiet", "--initial-branch=main", r.tree)
	r.mustGit("remote", "add", "origin", s.url+"/"+r.name+".git")
	return r
}

// git prepares git in the working tree.
func (r *repository) git(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(r.t.Context(), "git", args...)
	if args[0] != "init" {
		cmd.Dir = r.tree
	}
	cmd.Env = r.env
	return cmd
}

// mustGit runs git and returns its output.
func (r *repository) mustGit(args ...string) string {
	r.t.Helper()
	out, err := r.git(args...).CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %s: %v\n%s", args[0], err, out)
	}
	return strings.TrimSpace(string(out))
}

// commit commits a change, with the files, on the current branch and returns
// its SHA. The files are given as names and texts in turn.
func (r *repository) commit(files ...string) string {
	r.t.Helper()
	for i := 0; i+1 < len(files); i += 2 {
		write(r.t, filepath.Join(r.tree, files[i]), files[i+1])
	}
	r.mustGit("add", "--all")
	r.commits++ // no two are the same
	r.mustGit("commit", "--quiet", "--allow-empty", fmt.Sprintf("--message=change %d", r.commits))
	return r.mustGit("rev-parse", "HEAD")
}

// push pushes the refs, main by default.
func (r *repository) push(refs ...string) {
	r.t.Helper()
	if len(refs) == 0 {
		refs = []string{"main"}
	}
	r.mustGit(append([]string{"push", "--quiet", "origin"}, refs...)...)
}

// refs are the branches on the server and where they stand.
func (r *repository) refs() map[string]string {
	r.t.Helper()
	refs := map[string]string{}
	for line := range strings.Lines(r.mustGit("ls-remote", "--heads", "origin")) {
		sha, ref, _ := strings.Cut(strings.TrimSpace(line), "\t")
		refs[strings.TrimPrefix(ref, "refs/heads/")] = sha
	}
	return refs
}

// pushWorkflow commits .github/workflows/ci.yml, pushes it and returns the run.
func (r *repository) pushWorkflow(text string) *run {
	r.t.Helper()
	sha := r.commit(".github/workflows/ci.yml", text)
	r.push()
	return r.runOf(sha)
}

// runs lists all runs, the newest first.
func (r *repository) runs() []run {
	r.t.Helper()
	type page struct {
		Runs []run `json:"workflow_runs"`
	}
	var all []run
	for p, err := range client.Pages[page](r.t.Context(), r.admin(), r.api+"/actions/runs?per_page=100") {
		if err != nil {
			r.t.Fatal(err)
		}
		all = append(all, p.Runs...)
	}
	return all
}

// runOf is the one run at a commit.
func (r *repository) runOf(sha string) *run {
	r.t.Helper()
	var found []run
	for _, one := range r.runs() {
		if one.SHA == sha {
			found = append(found, one)
		}
	}
	if len(found) != 1 {
		r.t.Fatalf("%d runs of commit %s: %+v", len(found), sha, found)
	}
	return &found[0]
}

// job is the one job of a run.
func (r *repository) job(one *run) *job {
	r.t.Helper()
	var v struct{ Jobs []job }
	r.do(http.MethodGet, fmt.Sprintf("%s/actions/runs/%d/jobs", r.api, one.ID), nil, &v)
	if len(v.Jobs) != 1 {
		r.t.Fatalf("run %d has %d jobs: %+v", one.ID, len(v.Jobs), v.Jobs)
	}
	return &v.Jobs[0]
}

// conclude waits until the run is completed and checks how it and its job ended.
func (r *repository) conclude(one *run, conclusion string) *job {
	r.t.Helper()
	path := fmt.Sprintf("%s/actions/runs/%d", r.api, one.ID)
	until(r.t, fmt.Sprintf("run %d does not end", one.ID), func() bool {
		*one = run{}
		r.do(http.MethodGet, path, nil, one)
		return one.Status == "completed"
	})
	j := r.job(one)
	if one.Conclusion != conclusion || j.Conclusion != conclusion {
		r.t.Fatalf("run concluded %s, its job %s, want %s; annotations %q", one.Conclusion, j.Conclusion, conclusion, r.annotations(j))
	}
	return j
}

// annotations are the messages at a job.
func (r *repository) annotations(j *job) []string {
	r.t.Helper()
	var v []struct{ Message string }
	r.do(http.MethodGet, fmt.Sprintf("%s/check-runs/%d/annotations", r.api, j.ID), nil, &v)
	var messages []string
	for _, a := range v {
		messages = append(messages, a.Message)
	}
	return messages
}

// log is the text of a job's log without the time stamps.
func (r *repository) log(j *job) []string {
	r.t.Helper()
	var lines []string
	for line := range strings.Lines(string(r.read(fmt.Sprintf("%s/actions/jobs/%d/logs", r.api, j.ID)))) {
		_, text, _ := strings.Cut(strings.TrimRight(line, "\n"), " ")
		lines = append(lines, text)
	}
	return lines
}

// checkLog says whether a job at a gate printed every line, once and in order.
func (r *repository) checkLog(j *job, g *gate) {
	r.t.Helper()
	r.checkLines(j, g.line())
}

// checkLines says whether the log of a job has each numbered line until the last,
// once and in order.
func (r *repository) checkLines(j *job, last int) {
	r.t.Helper()
	var want strings.Builder
	for i := range last {
		fmt.Fprintf(&want, "line %d\n", i+1)
	}
	fmt.Fprintf(&want, "end %d\n", last)
	var got strings.Builder
	for _, line := range r.log(j) {
		if strings.HasPrefix(line, "line ") || strings.HasPrefix(line, "end ") {
			got.WriteString(line + "\n")
		}
	}
	if got.String() != want.String() {
		r.t.Errorf("log of job %d, of %d lines, has\n%s", j.ID, last, got.String())
	}
}

// execute runs the program to its end and returns its exit code and all that
// it printed.
func execute(t *testing.T, env []string, args ...string) (code int, output string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Env = env
	out, _ := cmd.CombinedOutput() // the state tells
	return cmd.ProcessState.ExitCode(), string(out)
}
