package web_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/servertest"
	"github.com/understudy-ci/understudy/internal/store"
)

func plain(s string) string { return s }

// pages are the paths of all pages of a sample.
func (s *sample) pages() []string {
	h := pathOf(s.repo)
	return []string{
		"/", "/login", "/octo/nothing", h, h + "/actions", h + "/actions?branch=x&status=failure&page=2", h + "/actions/workflows/ci.yml",
		runPath(h, s.done.ID), runPath(h, s.done.ID) + "/attempts/1", runPath(h, s.running.ID), runPath(h, s.broken.ID),
		runPath(h, s.done.ID) + "?part=live", runPath(h, s.done.ID) + "?artifacts=2", runPath(h, s.running.ID) + "?part=live", jobPath(h, s.failed), jobPath(h, s.live), jobPath(h, s.queued), jobPath(h, s.live) + "?part=live",
	}
}

// filePages are those of files of artifacts, which are for who has signed in.
func (s *sample) filePages() []string {
	at := runPath(pathOf(s.repo), s.done.ID) + "/artifacts/"
	return []string{
		fmt.Sprintf("%s%d/files", at, s.dist.ID), fmt.Sprintf("%s%d/files?page=2", at, s.dist.ID),
		fmt.Sprintf("%s%d/files", at, s.dist.ID+1), fmt.Sprintf("%s%d/files", at, s.dist.ID+2),
	}
}

// Executing a template with its struct finds every wrong field, because all of
// these pages together go through every branch.
func TestEveryPageRenders(t *testing.T) {
	s := newSample(t, plain)
	for _, b := range []*browser{s.browser(), s.signedIn(s.owner)} {
		paths := s.pages()
		if b.cookie != "" {
			paths = append(paths, s.filePages()...)
		}
		for _, path := range paths {
			got := b.get(path)
			if path == "/login" && b.cookie != "" {
				continue // on to the next page
			}
			if want := path != "/octo/nothing"; (got.status == http.StatusOK) != want {
				t.Errorf("%s: %d\n%s", path, got.status, got.body)
			}
			if part := strings.Contains(path, "part="); part == strings.Contains(got.body, "<html") || !part && !strings.HasSuffix(got.body, "</html>\n") {
				t.Errorf("%s is not whole:\n%s", path, got.body)
			}
			if strings.Contains(got.body, "ZgotmplZ") {
				t.Errorf("%s: a value was refused by the template:\n%s", path, got.body)
			}
		}
	}
}

func TestPagesLetNoScriptIn(t *testing.T) {
	s := newSample(t, plain)
	stylesheet := assets(s.browser().get("/").body)[0]
	for _, path := range append(s.pages(), stylesheet, "/assets/none.css", jobPath(pathOf(s.repo), s.failed)+"/logs") {
		got := s.browser().get(path)
		h := got.header
		if policy := h.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'; script-src 'self';") ||
			!strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: policy %q", path, policy)
		}
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "same-origin" {
			t.Errorf("%s: headers %v", path, h)
		}
		if cache := h.Get("Cache-Control"); !strings.HasPrefix(cache, "private") && path != stylesheet {
			t.Errorf("%s: cache %q", path, cache)
		}
		for _, inline := range []string{" style=", " onclick", " onload", "<style", "<script>"} {
			if strings.Contains(got.body, inline) && strings.Contains(got.body, "<html") {
				t.Errorf("%s has%s, which the policy forbids", path, inline)
			}
		}
	}
}

// assets are the files that a page uses: the stylesheet, the icon and the script.
func assets(page string) []string {
	var paths []string
	for _, m := range regexp.MustCompile(`"(/assets/[^"]+)"`).FindAllStringSubmatch(page, -1) {
		paths = append(paths, m[1])
	}
	return paths
}

func TestAssetsAreSmallAndKeptForGood(t *testing.T) {
	ts := newTestSite(t)
	all := assets(ts.browser().get("/").body)
	if len(all) != 3 {
		t.Errorf("the page uses %q", all)
	}
	for _, path := range all {
		got := ts.browser().get(path)
		if got.status != http.StatusOK || !strings.Contains(got.header.Get("Cache-Control"), "immutable") || len(got.body) > 12_000 {
			t.Errorf("%s: %d, %d bytes, %v", path, got.status, len(got.body), got.header)
		}
	}
}

func TestRunListFiltersAndTurnsPages(t *testing.T) {
	ts := newTestSite(t)
	octo := ts.User("octo")
	repo := ts.repo(octo, "hello", false)
	for i := range 60 {
		ts.addRun(repo, ".github/workflows/ci.yml", func(r *actions.Run) {
			r.Title = fmt.Sprintf("title-%d-", i)
			if i == 7 {
				r.HeadBranch, r.Status, r.Conclusion = "feat/x", actions.Completed, actions.Failure
			}
		})
	}
	ts.addRun(repo, ".github/workflows/other file.yml", func(r *actions.Run) { r.Name, r.Title, r.Event = "Other", "title-other-", "workflow_dispatch" })
	b := ts.browser()
	titles := func(path string) int { return strings.Count(b.get(path).body, `class="title"`) }
	for path, want := range map[string]int{
		"": 25, "?page=2": 25, "?page=3": 11, "?page=99": 0, "?page=-1": 25, "?branch=feat%2Fx": 1, "?status=failure": 1, "?status=in_progress&page=3": 10,
		"?status=nonsense": 25, "?branch=none": 0, "?event=workflow_dispatch": 1, "?actor=octo": 25, "?actor=nobody": 0, "/workflows/ci.yml?page=3": 10,
		"/workflows/other%20file.yml": 1,
	} {
		if got := titles("/octo/hello/actions" + path); got != want {
			t.Errorf("%s: %d runs, want %d", path, got, want)
		}
	}
	first := b.get("/octo/hello/actions?status=in_progress")
	if !strings.Contains(first.body, `rel="next" href="/octo/hello/actions?page=2&amp;status=in_progress"`) || strings.Contains(first.body, `rel="prev"`) {
		t.Errorf("links of the first page:\n%s", first.body)
	}
	if last := b.get("/octo/hello/actions?page=3"); !strings.Contains(last.body, `rel="prev" href="/octo/hello/actions?page=2"`) || strings.Contains(last.body, `rel="next"`) {
		t.Errorf("links of the last page:\n%s", last.body)
	}
	for _, path := range []string{"/workflows/none.yml", "/workflows/..%2f..%2fsecret", "/workflows/999"} {
		if got := b.get("/octo/hello/actions" + path); got.status != http.StatusNotFound {
			t.Errorf("%s: %d", path, got.status)
		}
	}
}

func TestEmptyRepositoryShowsHowToPush(t *testing.T) {
	ts := newTestSite(t)
	octo := ts.User("octo")
	now := time.Now()
	r := &actions.Repository{Owner: *octo, Name: "new", DefaultBranch: "trunk", CreatedAt: now, UpdatedAt: now}
	ts.Must(ts.Store.CreateRepository(t.Context(), r))
	got := ts.browser().get("/octo/new")
	for _, want := range []string{"This repository is empty", ts.URL + "/octo/new.git", "git push -u origin trunk"} {
		if !strings.Contains(got.body, want) {
			t.Errorf("no %q:\n%s", want, got.body)
		}
	}
}

func TestBrokenWorkflowFileShowsLineAndColumn(t *testing.T) {
	s := newSample(t, plain)
	got := s.browser().get(runPath(pathOf(s.repo), s.broken.ID)).body
	for _, want := range []string{"2 errors", ".github/workflows/deploy.yml, line 12, column 7", "Unexpected value &#39;step&#39;", "line 19, column 3"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q:\n%s", want, got)
		}
	}
	if strings.Contains(got, "/job/") {
		t.Error("the check run of the file is shown as a job")
	}
	jobs, err := s.Store.Jobs(t.Context(), s.broken.ID, 1)
	s.Must(err)
	if got := s.browser().get(jobPath(pathOf(s.repo), jobs[0])); got.status != http.StatusSeeOther {
		t.Errorf("page of the check run: %d", got.status)
	}
}

func TestRunPageShowsJobsStepsAndSummaries(t *testing.T) {
	s := newSample(t, plain)
	got := s.browser().get(runPath(pathOf(s.repo), s.done.ID)).body
	for _, want := range []string{
		"Matrix: build", "build (linux, 1.26)", "build (windows, 1.26)", "Run go test ./...", "1m 23s", "1m 35s", `aria-label="Skipped"`,
		"<th>target</th>", `<a href="https://example.com/notes" rel="noopener nofollow">the notes</a>`, "1 error and 1 warning",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q:\n%s", want, got)
		}
	}
}

func TestALargeSummaryDoesNotChangeLaterOnes(t *testing.T) {
	s := newSample(t, plain)
	j := s.addJob(s.running, "sum", "sum", completed(actions.Success))
	row := "| [a](https://x.example) | **b** | `c_d` |\n"
	for i, text := range []string{strings.Repeat("a paragraph\n\n", 80_000), "|a|b|c|\n|-|-|-|\n" + strings.Repeat(row, 500)} {
		st := s.addStep(j, i+1, "sum", actions.Success, "")
		s.Must(s.Logs.PutSummary(t.Context(), j, st.GUID, strings.NewReader(text)))
	}
	got := s.rendered(runPath(pathOf(s.repo), s.running.ID))
	if p, rows := strings.Count(got, "<p>a paragraph</p>"), strings.Count(got, "<strong>b</strong>"); p != 80_000 || rows != 500 {
		t.Errorf("%d paragraphs and %d rows are rendered, want 80000 and 500", p, rows)
	}
}

func TestAPageShowsSummariesUpToItsLimit(t *testing.T) {
	s := newSample(t, plain)
	for i := range 4 {
		j := s.addJob(s.running, "sum", fmt.Sprintf("sum %d", i), completed(actions.Success))
		st := s.addStep(j, 1, "sum", actions.Success, "")
		s.Must(s.Logs.PutSummary(t.Context(), j, st.GUID, strings.NewReader(strings.Repeat("&", 1<<20))))
	}
	got := s.rendered(runPath(pathOf(s.repo), s.running.ID))
	if len(got) > 13<<20 || !strings.Contains(got, "There are more summaries than this page shows.") || !strings.HasSuffix(got, "</html>\n") {
		t.Errorf("%d kB … %s", len(got)>>10, got[len(got)-200:])
	}
	if open, closed := strings.Count(got, "<section"), strings.Count(got, "</section>"); open != closed {
		t.Errorf("%d sections begin and %d end", open, closed)
	}
}

func TestImagesOfNamedHostsMayLoad(t *testing.T) {
	const images = "img-src 'self' https://img.example https://b.example:8443;"
	s := newSample(t, plain, servertest.WithConfig(func(c *servertest.Config) { c.ImageHost = []string{"IMG.example", "b.example:8443"} }))
	st, err := s.Store.Steps(t.Context(), s.failed.ID)
	s.Must(err)
	s.Must(s.Logs.PutSummary(t.Context(), s.failed, st[0].GUID, strings.NewReader("![a](https://img.example/a.svg) ![b](https://c.example/b.svg)")))
	got := s.browser().get(runPath(pathOf(s.repo), s.done.ID))
	if policy := got.header.Get("Content-Security-Policy"); !strings.Contains(policy, images) {
		t.Errorf("policy %q, want %q", policy, images)
	}
	if strings.Count(got.body, "<img ") != 1 || !strings.Contains(got.body, `src="https://img.example/a.svg"`) {
		t.Errorf("images:\n%s", got.body)
	}
}

func TestOlderAttemptShowsItsOwnJobs(t *testing.T) {
	s := newSample(t, plain)
	next, err := s.done.Rerun(*s.owner, s.guid(), false, time.Now())
	s.Must(err)
	s.update(func(tx *store.Tx) error {
		if err := tx.CreateAttempt(t.Context(), next); err != nil {
			return err
		}
		return tx.UpdateRun(t.Context(), s.done)
	})
	s.addJob(s.done, "build", "second try", nil)
	b, at := s.signedIn(s.owner), runPath(pathOf(s.repo), s.done.ID)
	newest, first := b.get(at).body, b.get(at+"/attempts/1").body
	if !strings.Contains(newest, "second try") || strings.Contains(newest, "Matrix: build") || !strings.Contains(newest, "Cancel run") {
		t.Errorf("newest attempt:\n%s", newest)
	}
	if strings.Contains(first, "second try") || !strings.Contains(first, "Matrix: build") || strings.Contains(first, "Cancel run") || strings.Contains(first, "Re-run all") {
		t.Errorf("first attempt:\n%s", first)
	}
	for _, n := range []string{"0", "3", "x", "-1", "99999999999999999999"} {
		if got := b.get(at + "/attempts/" + n); got.status != http.StatusNotFound {
			t.Errorf("attempt %s: %d", n, got.status)
		}
	}
}

func TestOnlyRunnersThatServeTheRepositoryCount(t *testing.T) {
	s := newSample(t, plain)
	page := jobPath(pathOf(s.repo), s.queued)
	for i, scope := range []actions.Scope{{RepoID: s.repo.ID + 1}, {OwnerID: s.owner.ID + 1}, {RepoID: s.repo.ID}} {
		if got := s.browser().get(page).body; !strings.Contains(got, "No runner with the labels") {
			t.Fatalf("after runner %d:\n%s", i, got)
		}
		ts := &actions.Runner{Scope: scope, Name: "r", ClientID: strconv.Itoa(i), PublicKey: []byte{1}, Labels: []actions.Label{{Name: "self-hosted"}, {Name: "gpu"}}}
		s.Must(s.Store.CreateRunner(t.Context(), ts))
	}
	if got := s.browser().get(page).body; !strings.Contains(got, "is offline") {
		t.Errorf("with a runner of the repository:\n%s", got)
	}
}

func TestAJobThatWaitsShowsTheGroupAndTheLabelsThatItAsksFor(t *testing.T) {
	s := newSample(t, plain)
	j := s.addJob(s.running, "big", "big", func(j *actions.Job) { j.Group, j.Labels = "large machines", []string{"gpu"} })
	got := s.browser().get(jobPath(pathOf(s.repo), j)).body
	for _, want := range []string{"Requested runner group: large machines", "Requested labels: gpu"} {
		if !strings.Contains(got, want) {
			t.Errorf("the page lacks %q:\n%s", want, got)
		}
	}
}
