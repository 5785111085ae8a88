package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/client"
)

// Each directory of testdata/official/cases is a case: repositories, and what GitHub's
// own runner did with them on this server. official.json is the record, repo is what is
// pushed, and each directory of also is pushed as a repository of that name before.
const officialCases = "testdata/official/cases"

// officialRunners is how many bundled runners work at the cases.
const officialRunners = 3

// An officialCase is a case. All but the name is what its case.json says.
type officialCase struct {
	name string
	repo string // as it is called on the server, once it is there

	Event    string // workflow_dispatch, or empty for a push
	Workflow string // the file that is dispatched
	Inputs   map[string]string
	Tags     map[string][]string // of the repositories of also, by name
	Slow     bool                // waits for a time limit of a minute or more
}

// TestJobsAreAsWithGitHubsRunner compares what the bundled runner does with what
// GitHub's did: conclusions, names and logs of steps, annotations. What may differ is
// in testdata/official/kept. UNDERSTUDY_TEST_CASES=all runs the slow cases, too.
func TestJobsAreAsWithGitHubsRunner(t *testing.T) {
	needNode(t)
	t.Parallel()
	all := os.Getenv("UNDERSTUDY_TEST_CASES") == "all"
	cases := readOfficialCases(t)
	if !all {
		cases = slices.DeleteFunc(cases, func(c *officialCase) bool { return c.Slow })
	}
	s := startServer(t, "--runners", fmt.Sprint(officialRunners), "--runner-labels", "ubuntu-latest,ubuntu-18.04,ubuntu-16.04,macos-latest")
	s.do(http.MethodPost, "/admin/organizations", map[string]any{"login": "octo", "admin": "admin"}, nil)
	others := map[string]bool{}
	for i, c := range cases {
		c.push(s, i, others)
	}
	kept := readKept(t, "testdata/official/kept")
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := c.happened(t, s)
			want := readRecord(t, filepath.Join(officialCases, c.name, "official.json"))
			if diff := kept.difference(c.name, want.lines(), got.lines()); diff != "" {
				t.Errorf("-GitHub's runner +the bundled one:\n%s", diff)
			}
		})
	}
	if unused := kept.unused(cases); len(unused) > 0 && !t.Failed() {
		t.Errorf("differences that are kept, but are none: %q", unused)
	}
}

func readOfficialCases(t *testing.T) (cases []*officialCase) {
	t.Helper()
	entries, err := os.ReadDir(officialCases)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		c := &officialCase{name: e.Name()}
		text, err := os.ReadFile(filepath.Join(officialCases, e.Name(), "case.json"))
		if err == nil {
			err = json.Unmarshal(text, c)
		}
		if err != nil && !os.IsNotExist(err) {
			t.Fatalf("case %s: %v", e.Name(), err)
		}
		cases = append(cases, c)
	}
	return cases
}

// push makes the case's runs. Others are the repositories that cases share.
func (c *officialCase) push(s *server, number int, others map[string]bool) {
	s.t.Helper()
	dir := filepath.Join(officialCases, c.name)
	also, _ := filepath.Glob(filepath.Join(dir, "also", "*")) // the pattern is good
	for _, path := range also {
		name := filepath.Base(path)
		if others[name] {
			continue
		}
		others[name] = true
		_, err := os.Stat(filepath.Join(path, ".private"))
		pushOfficial(s, path, name, err == nil, c.Tags[name])
	}
	c.repo = fmt.Sprintf("t%013d", 1_760_000_000_000+number) // found nowhere else in a log
	pushOfficial(s, filepath.Join(dir, "repo"), c.repo, true, nil)
	if c.Event == "workflow_dispatch" {
		s.do(http.MethodPost, fmt.Sprintf("/repos/octo/%s/actions/workflows/%s/dispatches", c.repo, c.Workflow),
			map[string]any{"ref": "main", "inputs": c.Inputs}, nil)
	}
}

// pushOfficial pushes a directory as one commit, which is the same as it was when
// the cases were recorded.
func pushOfficial(s *server, dir, name string, private bool, tags []string) {
	s.t.Helper()
	s.do(http.MethodPost, "/orgs/octo/repos", map[string]any{"name": name, "private": private}, nil)
	r := s.workingTree("octo/" + name)
	r.env = append(r.env,
		"GIT_AUTHOR_NAME=t", "GIT_AUTHOR_EMAIL=t@example.com", "GIT_AUTHOR_DATE=2026-01-01T00:00:00Z",
		"GIT_COMMITTER_NAME=t", "GIT_COMMITTER_EMAIL=t@example.com", "GIT_COMMITTER_DATE=2026-01-01T00:00:00Z")
	if err := os.CopyFS(r.tree, os.DirFS(dir)); err != nil {
		s.t.Fatal(err)
	}
	r.mustGit("add", "--force", "--all")
	r.mustGit("commit", "--quiet", "--message=change")
	refs := []string{"main"}
	for _, tag := range tags {
		refs = append(refs, "main:refs/tags/"+tag)
	}
	r.push(refs...)
}

// happened waits until the case's runs have ended, and says what they did.
func (c *officialCase) happened(t *testing.T, s *server) record {
	t.Helper()
	type page struct {
		Runs []run `json:"workflow_runs"`
	}
	path := "/repos/octo/" + c.repo
	var runs []run
	untilEvery(t, 200*time.Millisecond, "the runs have not ended", func() bool {
		runs = nil
		for p, err := range client.Pages[page](t.Context(), s.admin(), path+"/actions/runs?per_page=100") {
			if err != nil {
				t.Fatal(err)
			}
			runs = append(runs, p.Runs...)
		}
		return len(runs) > 0 && !slices.ContainsFunc(runs, func(r run) bool { return r.Status != "completed" })
	})
	happened := record{}
	for _, r := range runs {
		happened[filepath.Base(r.Path)+" "+r.Event] = c.record(t, s, &r)
	}
	return happened
}
