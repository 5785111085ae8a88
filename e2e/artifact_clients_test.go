package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-github/v89/github"
)

// seeded is how many small artifacts the tests of clients have.
const seeded = 250

// clientsWorkflow leaves behind many small artifacts, one of files, and caches.
const clientsWorkflow = `on: push
jobs:
  only:
    runs-on: ubuntu-latest
    steps:
      - uses: tools/seed@v1
        with: {count: 250}
      - run: mkdir -p report/sub && echo "the report" >report/report.txt && seq 1000 >report/sub/numbers.txt
      - uses: actions/upload-artifact@v4
        with: {name: report, path: report}
      - uses: actions/cache/save@v4
        with: {path: report, key: Report-1}
      - uses: actions/cache/save@v4
        with: {path: report/sub, key: report-2}
`

// newClientsRun makes a run that has left all of that.
func newClientsRun(t *testing.T) (*ghTool, *run) {
	t.Helper()
	needToolkit(t)
	g := startWithGH(t)
	r := g.repo
	r.do(http.MethodPost, "/admin/organizations", map[string]string{"login": "tools", "admin": "admin"}, nil)
	r.actionRepository("seed", []string{"action.yml", toolkitAction, "index.mjs", string(read(t, filepath.Join(toolkitDir, "seed.mjs")))}, "main", "main:refs/tags/v1")
	one := r.pushWorkflow(clientsWorkflow)
	r.succeed(one)
	return g, one
}

func TestClientsListDownloadAndDeleteArtifactsAndCaches(t *testing.T) {
	t.Parallel()
	g, one := newClientsRun(t)
	all := []string{"report"}
	for i := range seeded {
		all = append(all, fmt.Sprintf("artifact-%03d", i+1))
	}
	slices.Sort(all)
	t.Run("octokit.paginate lists all of them", func(t *testing.T) { g.repo.in(t).paginateByOctokit(one, all) })
	t.Run("gh run download", func(t *testing.T) { g.in(t).downloadRun(one) })
	t.Run("go-github's artifacts", func(t *testing.T) { g.repo.in(t).artifactsByGoGithub(one, all) })
	t.Run("go-github's caches", func(t *testing.T) { g.repo.in(t).cachesByGoGithub() })
}

func (r *repository) paginateByOctokit(one *run, all []string) {
	r.t.Helper()
	cmd := exec.CommandContext(r.t.Context(), "node", filepath.Join(toolkitDir, "paginate.mjs"))
	cmd.Env = append(environment(r.t), "API="+r.url+"/api/v3", "TOKEN="+r.token, "OWNER=admin", "REPO=hello", fmt.Sprintf("RUN=%d", one.ID))
	out, err := cmd.Output()
	if err != nil {
		r.t.Fatalf("octokit: %v\n%s", err, stderrOf(err))
	}
	var lists struct{ Repository, Run []string }
	if err := json.Unmarshal(out, &lists); err != nil {
		r.t.Fatalf("%v in %s", err, out)
	}
	for name, list := range map[string][]string{"repository": lists.Repository, "run": lists.Run} {
		slices.Sort(list)
		if diff := cmp.Diff(all, list); diff != "" {
			r.t.Errorf("artifacts of the %s (-want +got):\n%s", name, diff)
		}
	}
}

func (g *ghTool) downloadRun(one *run) {
	g.t.Helper()
	id, dir := fmt.Sprint(one.ID), g.t.TempDir()
	g.run(0, "run", "download", id, "--name", "report", "--dir", dir)
	if got := string(read(g.t, filepath.Join(dir, "report.txt"))); got != "the report\n" {
		g.t.Errorf("gh has downloaded %q", got)
	}
	if got := len(read(g.t, filepath.Join(dir, "sub", "numbers.txt"))); got != 3893 {
		g.t.Errorf("gh has downloaded %d bytes of numbers", got)
	}
	g.run(0, "run", "download", id, "--pattern", "rep*", "--dir", dir)
	read(g.t, filepath.Join(dir, "report", "report.txt"))
	g.prints("no artifact matches any of the names or patterns provided", 1, "run", "download", id, "--name", "nothing", "--dir", dir)
	g.prints("…ARTIFACTS\n…artifact-001\n…", 0, "run", "view", id)
}

func (r *repository) artifactsByGoGithub(one *run, all []string) {
	t, ctx, c := r.t, r.t.Context(), goGithub(r.t, r.url, r.token)
	t.Helper()
	const owner, name = "admin", "hello"
	var found []*github.Artifact
	for options := (&github.ListOptions{PerPage: 100}); ; {
		list, resp, err := c.Actions.ListWorkflowRunArtifacts(ctx, owner, name, one.ID, options)
		if err != nil {
			t.Fatal(err)
		}
		if found = append(found, list.Artifacts...); list.GetTotalCount() != int64(len(all)) {
			t.Errorf("total count %d, want %d", list.GetTotalCount(), len(all))
		}
		if resp.NextPage == 0 {
			break
		}
		options.Page = resp.NextPage
	}
	if diff := cmp.Diff(all, names(found, (*github.Artifact).GetName)); diff != "" {
		t.Errorf("artifacts (-want +got):\n%s", diff)
	}
	byName := ok[*github.ArtifactList](t)(c.Actions.ListArtifacts(ctx, owner, name, &github.ListArtifactsOptions{Name: new("report")}))
	if byName.GetTotalCount() != 1 || len(byName.Artifacts) != 1 {
		t.Fatalf("artifacts named report: %s", github.Stringify(byName))
	}
	report := byName.Artifacts[0]
	if diff := cmp.Diff(report, ok[*github.Artifact](t)(c.Actions.GetArtifact(ctx, owner, name, report.GetID()))); diff != "" {
		t.Errorf("artifact (-list +get):\n%s", diff)
	}
	if w := report.GetWorkflowRun(); report.GetExpired() || report.GetDigest() == "" || report.GetSizeInBytes() == 0 || w.GetID() != one.ID ||
		w.GetHeadBranch() != "main" || w.GetHeadSHA() != one.SHA || w.GetRepositoryID() == 0 || w.GetHeadRepositoryID() != w.GetRepositoryID() {
		t.Errorf("artifact: %s", github.Stringify(report))
	}
	url, _, err := c.Actions.DownloadArtifact(ctx, owner, name, report.GetID(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if body := download(t, url); int64(len(body)) != report.GetSizeInBytes() {
		t.Errorf("%d bytes came of %d", len(body), report.GetSizeInBytes())
	}
	if _, err := c.Actions.DeleteArtifact(ctx, owner, name, report.GetID()); err != nil {
		t.Fatal(err)
	}
	_, _, err = c.Actions.GetArtifact(ctx, owner, name, report.GetID())
	refused(t, err, http.StatusNotFound, "Not Found")
	_, err = c.Actions.DeleteArtifact(ctx, owner, name, report.GetID())
	refused(t, err, http.StatusNotFound, "Not Found")
}

func (r *repository) cachesByGoGithub() {
	t, ctx, c := r.t, r.t.Context(), goGithub(r.t, r.url, r.token)
	t.Helper()
	const owner, name = "admin", "hello"
	caches := ok[*github.ActionsCacheList](t)(c.Actions.ListCaches(ctx, owner, name, &github.ActionsCacheListOptions{
		Ref: new("refs/heads/main"), Sort: new("created_at"), Direction: new("asc"),
	}))
	if diff := cmp.Diff([]string{"Report-1", "report-2"}, names(caches.ActionsCaches, (*github.ActionsCache).GetKey)); diff != "" || caches.TotalCount != 2 {
		t.Fatalf("caches (-want +got):\n%s", diff)
	}
	usage := ok[*github.ActionsCacheUsage](t)(c.Actions.GetCacheUsageForRepo(ctx, owner, name))
	if sum := caches.ActionsCaches[0].GetSizeInBytes() + caches.ActionsCaches[1].GetSizeInBytes(); usage.FullName != "admin/hello" ||
		usage.ActiveCachesCount != 2 || usage.ActiveCachesSizeInBytes != sum {
		t.Errorf("usage: %s, want %d bytes", github.Stringify(usage), sum)
	}
	if none := ok[*github.ActionsCacheUsageList](t)(c.Actions.ListCacheUsageByRepoForOrg(ctx, "tools", nil)); none.TotalCount != 0 {
		t.Errorf("usage of an organization without caches: %s", github.Stringify(none))
	}
	if _, err := c.Actions.DeleteCachesByID(ctx, owner, name, caches.ActionsCaches[0].GetID()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Actions.DeleteCachesByKey(ctx, owner, name, "report-2", new("refs/heads/main")); err != nil {
		t.Fatal(err)
	}
	_, err := c.Actions.DeleteCachesByKey(ctx, owner, name, "report-2", nil)
	refused(t, err, http.StatusNotFound, "Not Found")
	if left := ok[*github.ActionsCacheList](t)(c.Actions.ListCaches(ctx, owner, name, nil)); left.TotalCount != 0 {
		t.Errorf("caches are left: %s", github.Stringify(left))
	}
}

func stderrOf(err error) []byte {
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		return e.Stderr
	}
	return nil
}
