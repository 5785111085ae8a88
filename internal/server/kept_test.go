package server

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the drivers of both databases
	_ "modernc.org/sqlite"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

const keptDir = "testdata/kept"

// Each directory below testdata/kept is what the version whose newest migration
// has that number wrote: scripts/keep-schema made it.
func TestWhatEarlierVersionsWroteIsStillRead(t *testing.T) {
	entries, err := os.ReadDir(keptDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		t.Run(e.Name(), func(t *testing.T) {
			storetest.EachURL(t, func(t *testing.T, url string) { openKept(t, filepath.Join(keptDir, e.Name()), url) })
		})
	}
}

// openKept starts a server on what was kept, and uses it as people do.
func openKept(t *testing.T, dir, url string) {
	t.Helper()
	engine, driver, dsn := "sqlite", "sqlite", strings.TrimPrefix(url, "sqlite:")
	if strings.HasPrefix(url, "postgres") {
		engine, driver, dsn = "postgres", "pgx", url
	}
	execute(t, driver, dsn, filepath.Join(dir, engine+".sql"))
	c := testConfig(t)
	c.Database = url
	unpack(t, filepath.Join(dir, engine+".tar.gz"), c.Data)
	r := start(t, c, testDeps(t))
	k := &kept{T: t, url: r.urls[0] + "/api/v3/repos/octo/hello", token: adminToken(t, r.Server)}

	var repo struct {
		Description string
		Private     bool
	}
	k.get("", &repo)
	if repo.Description != "kept since the first schema" || !repo.Private {
		t.Errorf("repository %+v", repo)
	}
	var retention struct{ Days int }
	k.get("/actions/permissions/artifact-and-log-retention", &retention)
	if retention.Days != 400 {
		t.Errorf("artifacts are kept for %d days, want the 400 that were set", retention.Days)
	}
	var permission struct {
		RoleName string `json:"role_name"`
	}
	k.get("/collaborators/mona/permission", &permission)
	if permission.RoleName != "write" {
		t.Errorf("mona may %q, want write", permission.RoleName)
	}
	done := k.run("ci.yml", "success")
	k.jobs(done)
	k.artifact()
	k.cache()
	if filepath.Base(dir) >= "0015" { // from which on they are there
		k.secret(r.Server)
	}
	if filepath.Base(dir) >= "0023" {
		k.proposal()
	}
	if filepath.Base(dir) >= "0017" {
		k.group()
		k.signingKey(driver, dsn)
	}
	k.run("broken.yml", "failure")
	k.held(k.run("waits.yml", ""))
	k.rerun(done)
}

// A kept is a client of a server that opened what an earlier version wrote.
type kept struct {
	*testing.T
	url, token string
}

// do sends a request and returns the body of an answer with a status below 300.
func (k *kept) do(method, path string) []byte {
	k.Helper()
	return k.doAt(method, k.url+path)
}

// doAt is do for a whole URL.
func (k *kept) doAt(method, url string) []byte {
	k.Helper()
	r, err := http.NewRequestWithContext(k.Context(), method, url, nil)
	if err != nil {
		k.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+k.token)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		k.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode >= 300 {
		k.Fatalf("%s %s: %d %s %v", method, url, res.StatusCode, body, err)
	}
	return body
}

func (k *kept) get(path string, into any) {
	k.Helper()
	if err := json.Unmarshal(k.do(http.MethodGet, path), into); err != nil {
		k.Fatalf("%s: %v", path, err)
	}
}

// getAt is get for a path of the API, outside of the repository.
func (k *kept) getAt(path string, into any) {
	k.Helper()
	base, _, _ := strings.Cut(k.url, "/repos/")
	if err := json.Unmarshal(k.doAt(http.MethodGet, base+path), into); err != nil {
		k.Fatalf("%s: %v", path, err)
	}
}

// run is the id of the only run of a workflow, which has the conclusion; none is
// the empty one.
func (k *kept) run(file, conclusion string) int64 {
	k.Helper()
	var list struct {
		WorkflowRuns []struct {
			ID         int64
			RunNumber  int `json:"run_number"`
			Conclusion string
			Path       string
		} `json:"workflow_runs"`
	}
	k.get("/actions/workflows/"+file+"/runs", &list)
	if len(list.WorkflowRuns) != 1 {
		k.Fatalf("%s has %d runs, want 1", file, len(list.WorkflowRuns))
	}
	run := list.WorkflowRuns[0]
	if run.Conclusion != conclusion || run.RunNumber != 1 || run.Path != ".github/workflows/"+file {
		k.Errorf("run %+v, want number 1 of %s with conclusion %q", run, file, conclusion)
	}
	return run.ID
}

// proposal looks at the repository that has a pull request, and merges that.
func (k *kept) proposal() {
	k.Helper()
	const at = "/repos/octo/proposal"
	var pull struct {
		Title     string
		Mergeable bool
		Head      struct{ SHA string }
	}
	k.getAt(at+"/pulls/1", &pull)
	var status struct{ State string }
	k.getAt(at+"/commits/"+pull.Head.SHA+"/status", &status)
	if pull.Title != "kept since pull requests are there" || !pull.Mergeable || status.State != "success" {
		k.Errorf("the pull request is %+v, its status %q", pull, status.State)
	}
	k.doAt(http.MethodPut, strings.Replace(k.url, "/repos/octo/hello", at, 1)+"/pulls/1/merge")
}

type keptJob struct {
	ID                       int64
	Name, Status, Conclusion string
	Steps                    []struct{ Name, Conclusion string }
}

func (k *kept) jobsOf(run int64) []keptJob {
	k.Helper()
	var list struct{ Jobs []keptJob }
	k.get(fmt.Sprintf("/actions/runs/%d/jobs", run), &list)
	return list.Jobs
}

// jobs checks the jobs of the run that succeeded, with steps, logs and remarks.
func (k *kept) jobs(run int64) {
	k.Helper()
	says := map[string]string{"build (1)": "hello from 1", "build (2)": "hello from 2", "report": "it said hello"}
	for _, j := range k.jobsOf(run) {
		want := says[j.Name]
		delete(says, j.Name)
		if j.Conclusion != "success" || len(j.Steps) < 3 || j.Steps[0].Name != "Set up job" || j.Steps[0].Conclusion != "success" {
			k.Errorf("job %+v", j)
		}
		if log := k.do(http.MethodGet, fmt.Sprintf("/actions/jobs/%d/logs", j.ID)); !bytes.Contains(log, []byte(want+"\n")) {
			k.Errorf("the log of %s lacks %q:\n%s", j.Name, want, log)
		}
		var notes []struct{ Path, Message string }
		k.get(fmt.Sprintf("/check-runs/%d/annotations", j.ID), &notes)
		if j.Name != "report" && (len(notes) != 1 || notes[0].Path != "README.md" || notes[0].Message != "kept since the first schema") {
			k.Errorf("annotations of %s: %+v", j.Name, notes)
		}
	}
	if len(says) > 0 {
		k.Errorf("jobs that are missing: %v", says)
	}
}

// artifact downloads one and reads its file.
func (k *kept) artifact() {
	k.Helper()
	var list struct {
		TotalCount int `json:"total_count"`
		Artifacts  []struct {
			ID           int64
			Name, Digest string
			Expired      bool
		}
	}
	k.get("/actions/artifacts?name=dist-2", &list)
	if list.TotalCount != 1 || list.Artifacts[0].Expired || list.Artifacts[0].Digest == "" {
		k.Fatalf("artifacts: %+v", list)
	}
	body := k.do(http.MethodGet, fmt.Sprintf("/actions/artifacts/%d/zip", list.Artifacts[0].ID))
	archive, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
	if err != nil {
		k.Fatal(err)
	}
	f, err := archive.Open("file.txt")
	if err != nil {
		k.Fatal(err)
	}
	text, err := io.ReadAll(f)
	if err = errors.Join(err, f.Close()); err != nil || string(text) != "bytes of an artifact 2\n" {
		k.Errorf("file of the artifact: %q, %v", text, err)
	}
}

// cache lists the caches; [kept.rerun] restores them.
func (k *kept) cache() {
	k.Helper()
	var list struct {
		ActionsCaches []struct {
			Key, Ref string
			Size     int64 `json:"size_in_bytes"`
		} `json:"actions_caches"`
	}
	k.get("/actions/caches?sort=created_at&direction=asc", &list)
	if c := list.ActionsCaches; len(c) != 2 || c[0].Key != "deps-1" || c[1].Key != "deps-2" || c[0].Ref != "refs/heads/main" || c[0].Size == 0 {
		k.Errorf("caches: %+v", c)
	}
}

// secret checks that a job gets the secret and the variable of the repository.
func (k *kept) secret(s *Server) {
	k.Helper()
	repo, err := s.store.RepositoryByName(k.Context(), "octo", "hello")
	if err != nil {
		k.Fatal(err)
	}
	secrets, err := s.vault.Secrets(k.Context(), repo, 0)
	if err != nil || len(secrets) != 1 || secrets[0].Name != "KEPT" || secrets[0].Value.Reveal() != "kept since secrets are there" {
		k.Errorf("secrets %v, %v", secrets, err)
	}
	var variable struct{ Value string }
	k.get("/actions/variables/KEPT", &variable)
	if variable.Value != "kept since variables are there" {
		k.Errorf("variable %+v", variable)
	}
}

// held checks that jobs which waited still do, and can be cancelled.
func (k *kept) held(run int64) {
	k.Helper()
	for _, j := range k.jobsOf(run) {
		if j.Status != "queued" {
			k.Errorf("job %s is %s, want queued", j.Name, j.Status)
		}
	}
	k.do(http.MethodPost, fmt.Sprintf("/actions/runs/%d/cancel", run))
	jobs := k.jobsOf(run)
	for _, j := range jobs {
		if j.Conclusion != "cancelled" {
			k.Errorf("job %s concluded %q, want cancelled", j.Name, j.Conclusion)
		}
	}
	if len(jobs) != 3 {
		k.Errorf("%d jobs, want 3", len(jobs))
	}
}

// rerun checks that what the run was planned from is there.
func (k *kept) rerun(run int64) {
	k.Helper()
	k.do(http.MethodPost, fmt.Sprintf("/actions/runs/%d/rerun", run))
	jobs := k.jobsOf(run)
	if len(jobs) != 2 || jobs[0].Name != "build (1)" || jobs[0].Status != "queued" {
		k.Errorf("jobs of the second attempt: %+v", jobs)
	}
}

// adminToken makes a token of the site admin: that of the first start was not kept.
func adminToken(t *testing.T, s *Server) string {
	t.Helper()
	admin, err := s.store.AccountByLogin(t.Context(), AdminLogin)
	if err != nil {
		t.Fatal(err)
	}
	text, err := s.auth.Create(t.Context(), &actions.Token{AccountID: admin.ID, Kind: actions.Classic, Scopes: actions.Scopes()})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// execute runs a file of SQL statements.
func execute(t *testing.T, driver, dsn, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if driver == "pgx" { // several statements in one call
		dsn += "&default_query_exec_mode=simple_protocol"
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	_, err = db.ExecContext(context.WithoutCancel(t.Context()), string(text))
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// unpack extracts an archive that this project made.
func unpack(t *testing.T, archive, dir string) {
	t.Helper()
	f, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "lock"), nil, 0o600); err != nil { // as a server leaves it
		t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, filepath.FromSlash(h.Name))
		if h.Typeflag == tar.TypeDir {
			err = os.MkdirAll(path, 0o700)
		} else {
			err = extract(path, r)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func extract(path string, from io.Reader) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, from)
	return errors.Join(err, f.Close())
}

// group finds the runner group, with what it was restricted to.
func (k *kept) group() {
	k.Helper()
	var groups struct {
		RunnerGroups []struct {
			Name      string
			Workflows []string `json:"selected_workflows"`
		} `json:"runner_groups"`
	}
	k.getAt("/orgs/octo/actions/runner-groups", &groups)
	if list := groups.RunnerGroups; len(list) != 2 || list[1].Name != "kept" || len(list[1].Workflows) != 1 {
		k.Errorf("groups %+v", groups)
	}
}

// signingKey finds the key of OIDC tokens that was made then, and the template of their
// subjects.
func (k *kept) signingKey(driver, dsn string) {
	k.Helper()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		k.Fatal(err)
	}
	defer db.Close()
	var id string
	if err := db.QueryRowContext(k.Context(), `select id from signing_keys order by created_at limit 1`).Scan(&id); err != nil {
		k.Fatal(err)
	}
	base, _, _ := strings.Cut(k.url, "/api/v3")
	if keys := k.doAt(http.MethodGet, base+"/_services/token/.well-known/jwks"); !bytes.Contains(keys, []byte(id)) {
		k.Errorf("the key %s is not in %s", id, keys)
	}
	var template struct {
		Keys []string `json:"include_claim_keys"`
	}
	k.getAt("/orgs/octo/actions/oidc/customization/sub", &template)
	if len(template.Keys) != 2 {
		k.Errorf("template %v", template.Keys)
	}
}
