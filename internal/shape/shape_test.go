package shape_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-github/v89/github"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/shape"
)

var (
	base = shape.Base{API: "http://ci.test:3000/api/v3", HTML: "http://ci.test:3000"}
	noon = time.Date(2026, 3, 10, 12, 0, 0, 123, time.FixedZone("", 3600))
)

func hello() *actions.Repository {
	return &actions.Repository{
		ID: 7, Name: "hello", Description: "says <hello>", Private: true, DefaultBranch: "trunk",
		Owner:     actions.Account{ID: 3, Login: "octo", Type: actions.Organization},
		CreatedAt: noon, UpdatedAt: noon,
	}
}

func object(t *testing.T, v any) map[string]any {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestRepositoryKeepsTheBaseOfTheRequest(t *testing.T) {
	m := object(t, shape.NewRepository(base, hello()))
	want := map[string]any{
		"full_name":         "octo/hello",
		"url":               "http://ci.test:3000/api/v3/repos/octo/hello",
		"html_url":          "http://ci.test:3000/octo/hello",
		"clone_url":         "http://ci.test:3000/octo/hello.git",
		"ssh_url":           "git@ci.test:octo/hello.git",
		"git_refs_url":      "http://ci.test:3000/api/v3/repos/octo/hello/git/refs{/sha}",
		"notifications_url": "http://ci.test:3000/api/v3/repos/octo/hello/notifications{?since,all,participating}",
		"created_at":        "2026-03-10T11:00:00Z",
		"pushed_at":         "2026-03-10T11:00:00Z",
		"visibility":        "private",
		"default_branch":    "trunk",
		"node_id":           "MDEwOlJlcG9zaXRvcnk3",
	}
	got := map[string]any{}
	for k := range want {
		got[k] = m[k]
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// Runs show a repository with these, as GitHub's examples of them do.
func TestRunsSayWhereToCloneTheirRepository(t *testing.T) {
	m := object(t, shape.NewMinimalRepository(base, hello()))
	if len(m) != 48 || m["git_url"] != "git://ci.test/octo/hello.git" || m["ssh_url"] != "git@ci.test:octo/hello.git" {
		t.Errorf("%d fields: %v", len(m), m)
	}
}

func TestEveryURLBeginsWithTheBase(t *testing.T) {
	elsewhere := map[string]bool{"git_url": true, "ssh_url": true, "mirror_url": true}
	for k, v := range object(t, shape.NewFullRepository(base, hello(), actions.Admin)) {
		if s, ok := v.(string); ok && strings.HasSuffix(k, "_url") && !elsewhere[k] && !strings.HasPrefix(s, base.HTML+"/") {
			t.Errorf("%s is %q", k, s)
		}
	}
}

func TestPermissionsAreCumulative(t *testing.T) {
	got := shape.NewPermissions(actions.Write)
	if want := (shape.Permissions{Push: true, Triage: true, Pull: true}); *got != want {
		t.Errorf("got %+v, want %+v", *got, want)
	}
	if p := shape.NewFullRepository(base, hello(), actions.NoAccess).Permissions; p != nil {
		t.Errorf("nobody has permissions %+v", p)
	}
}

func TestPushPayloadReadsAsGoGitHubExpects(t *testing.T) {
	r := hello()
	r.PushedAt = noon
	text, err := json.Marshal(map[string]any{
		"repository": shape.NewPushRepository(base, r),
		"sender":     shape.NewSimpleUser(base, &r.Owner),
		"head_commit": shape.NewPushCommit(base, r, &actions.Commit{
			SHA: "c0ffee", Message: "hi", Author: actions.Signature{Name: "A", Email: "a@b", Time: noon}, Committer: actions.Signature{Name: "B", Time: noon},
		}),
	})
	if err != nil {
		t.Fatal(err)
	}
	var e github.PushEvent
	if err := json.Unmarshal(text, &e); err != nil {
		t.Fatal(err)
	}
	if got := e.GetRepo().GetPushedAt().Unix(); got != noon.Unix() {
		t.Errorf("pushed_at %d, want %d", got, noon.Unix())
	}
	if got := e.GetRepo().GetURL(); got != "http://ci.test:3000/octo/hello" {
		t.Errorf("url %s", got)
	}
	if got := e.GetRepo().GetOwner().GetName(); got != "octo" {
		t.Errorf("owner name %s", got)
	}
	if got := e.GetHeadCommit().GetTimestamp(); !got.Equal(github.Timestamp{Time: noon.Truncate(time.Second)}) {
		t.Errorf("timestamp %v", got)
	}
}

func TestBotHasItsAppsPage(t *testing.T) {
	u := shape.NewSimpleUser(base, &actions.Account{ID: 5, Login: actions.JobBot, Type: actions.Bot})
	if got, want := u.HTMLURL, "http://ci.test:3000/apps/github-actions"; got != want {
		t.Errorf("html_url %s, want %s", got, want)
	}
	if got, want := u.URL, "http://ci.test:3000/api/v3/users/github-actions%5Bbot%5D"; got != want || u.Type != "Bot" {
		t.Errorf("url %s, want %s", got, want)
	}
}

func TestUnknownHeadCommitIsNull(t *testing.T) {
	if c := shape.NewSimpleCommit(&actions.Commit{}); c != nil {
		t.Errorf("got %+v", c)
	}
}

func BenchmarkMinimalRepository(b *testing.B) {
	r := hello()
	for b.Loop() {
		shape.NewMinimalRepository(base, r)
	}
}

func TestANodeIDIsReadAsItIsWritten(t *testing.T) {
	for _, id := range []int64{1, 42, 1 << 62} {
		if kind, got, ok := shape.ParseNodeID(shape.NodeID("Repository", id)); kind != "Repository" || got != id || !ok {
			t.Errorf("%d: %s %d %v", id, kind, got, ok)
		}
	}
	for _, text := range []string{"", "x", "MDEwOlJlcG9zaXRvcnk=", "MDEwOlJlcG9zaXRvcnkwMQ==", "MDk6UmVwb3NpdG9yeTE=", "R_kgDOABC"} {
		if kind, id, ok := shape.ParseNodeID(text); ok {
			t.Errorf("%q is %s %d", text, kind, id)
		}
	}
}
