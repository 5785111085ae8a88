package event_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/event"
	"github.com/understudy-ci/understudy/internal/shape"
)

func TestEveryRowOfTheTableIsFoundByItsName(t *testing.T) {
	for _, k := range event.Kinds() {
		if found, ok := event.KindOf(k.Name); !ok || found.Name != k.Name {
			t.Errorf("%s is not found by its name: move its row in table.go to where the alphabet has it", k.Name)
		}
	}
	for _, name := range []string{"", "pull", "push ", "Push", "zzz"} {
		if k, ok := event.KindOf(name); ok {
			t.Errorf("%q is %s, want no event", name, k.Name)
		}
	}
}

func TestTypesThatCountByDefaultAreAmongThoseOfTheEvent(t *testing.T) { // TRG-2, TRG-13
	for _, k := range event.Kinds() {
		for _, name := range k.DefaultTypes() {
			if !k.HasType(name) {
				t.Errorf("%s counts %s by default, which is not one of %q", k.Name, name, k.Types)
			}
		}
	}
	k, _ := event.KindOf("pull_request")
	if want := []string{"opened", "synchronize", "reopened"}; !slices.Equal(k.DefaultTypes(), want) {
		t.Errorf("pull_request counts %q by default, want %q", k.DefaultTypes(), want)
	}
}

func TestRunsAreOfTheDefaultBranchUnlessTheEventNamesARef(t *testing.T) { // TRG-2
	own := []string{
		"create", "deployment", "deployment_status", "merge_group", "pull_request", "pull_request_review", "pull_request_review_comment",
		"push", "registry_package", "release", "workflow_dispatch",
	}
	repo := &actions.Repository{DefaultBranch: "trunk"}
	for _, k := range event.Kinds() {
		want := "refs/heads/trunk"
		if slices.Contains(own, k.Name) || k.Name == "workflow_call" { // the latter has the caller's
			want = "refs/tags/v1"
		}
		if got := k.Ref(&event.Event{Name: k.Name, Repo: repo, Ref: "refs/tags/v1"}); got != want {
			t.Errorf("runs of %s are of %s, want %s: does its row say Of, and does own name it?", k.Name, got, want)
		}
	}
}

var (
	octo = &actions.Account{ID: 1, Login: "octo", Type: actions.User}
	base = shape.Base{API: "http://ci.example/api/v3", HTML: "http://ci.example"}
)

// payload is github.event of an event by octo in octo/hello.
func payload(t *testing.T, e *event.Event) map[string]any {
	t.Helper()
	k, ok := event.KindOf(e.Name)
	if !ok || !k.Happens() {
		t.Fatalf("%s does not happen", e.Name)
	}
	e.Repo, e.Actor, e.Base = &actions.Repository{ID: 2, Owner: *octo, Name: "hello", DefaultBranch: "main"}, octo, base
	text, err := k.Payload(e)
	if err != nil {
		t.Fatal(err)
	}
	var p map[string]any
	if err := json.Unmarshal(text, &p); err != nil {
		t.Fatal(err)
	}
	return p
}

// asked is a pull request.
var asked = &shape.Pull{
	Base: &actions.Repository{ID: 2, Owner: *octo, Name: "hello", DefaultBranch: "main"},
	Pull: &actions.Pull{Number: 7, Title: "A change", State: actions.PullOpen, BaseRef: "main", HeadRef: "topic", HeadOwner: *octo, HeadSHA: young, BaseSHA: old},
}

// happened is an example of each event that happens here.
var happened = []event.Event{
	{Name: "push", Ref: "refs/heads/main", Head: &actions.Commit{SHA: young}, Push: &event.Push{
		Update: actions.RefUpdate{Ref: "refs/heads/main", Before: old, After: young}, Commits: []*actions.Commit{{SHA: young}},
	}},
	{Name: "create", Ref: "refs/heads/x", Push: &event.Push{Update: actions.RefUpdate{Ref: "refs/heads/x", Before: actions.ZeroSHA, After: young}}},
	{Name: "delete", Push: &event.Push{Update: actions.RefUpdate{Ref: "refs/tags/v1", Before: old, After: actions.ZeroSHA}}},
	{Name: "repository_dispatch", Action: "build", RepositoryDispatch: &event.RepositoryDispatch{}},
	{Name: "schedule", Workflow: ".github/workflows/ci.yml", Schedule: &event.Schedule{Cron: "0 0 * * *"}},
	{Name: "check_run", Action: "created", Check: &event.Check{Run: &actions.CheckRun{}, Suite: &actions.CheckSuite{}}},
	{Name: "check_suite", Action: "completed", Check: &event.Check{Suite: &actions.CheckSuite{}, Commit: &actions.Commit{}}},
	{Name: "status", Status: &event.Status{Status: &actions.CommitStatus{SHA: young}, Commit: &actions.Commit{SHA: young}}},
	{Name: "workflow_run", Action: "completed", WorkflowRun: &event.WorkflowRun{Run: &actions.Run{}, Attempt: &actions.Attempt{}, Workflow: &actions.Workflow{}}},
	{Name: "pull_request", Action: "opened", Pull: &event.Pull{Pull: asked}},
	{Name: "pull_request_target", Action: "opened", Pull: &event.Pull{Pull: asked}},
	{Name: "pull_request_review", Action: "submitted", Pull: &event.Pull{Pull: asked, Review: &actions.Review{Author: *octo, State: actions.ReviewApproved}}},
	{Name: "deployment", Ref: "refs/heads/main", Deployment: &event.Deployment{Deployment: &actions.Deployment{Payload: []byte("{}")}}},
	{Name: "deployment_status", Ref: "refs/heads/main", Deployment: &event.Deployment{Deployment: &actions.Deployment{Payload: []byte("{}")}, Status: &actions.DeploymentStatus{}}},
	{Name: "release", Action: "published", Ref: "refs/tags/v1", Release: &event.Release{Release: &actions.Release{TagName: "v1", Author: *octo}}},
	{Name: "workflow_dispatch", Ref: "refs/heads/main", Workflow: ".github/workflows/ci.yml", Dispatch: &event.Dispatch{}},
}

func TestEveryPayloadSaysWhereItHappenedAndWhoDidIt(t *testing.T) { // TRG-3
	for _, k := range event.Kinds() {
		i := slices.IndexFunc(happened, func(e event.Event) bool { return e.Name == k.Name })
		switch {
		case !k.Happens():
			continue
		case i < 0:
			t.Errorf("%s has a payload: add an example of the event to happened", k.Name)
			continue
		}
		p := payload(t, &happened[i])
		repo, _ := p["repository"].(map[string]any)
		sender, _ := p["sender"].(map[string]any)
		if repo["full_name"] != "octo/hello" || sender["login"] != "octo" {
			t.Errorf("%s: repository %v, sender %v; want octo/hello and octo", k.Name, p["repository"], p["sender"])
		}
	}
}

func TestTheDocumentSaysWhichEventsHappen(t *testing.T) {
	const document = "../../docs/compatibility.md"
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	_, row, _ := strings.Cut(string(text), "\n| events | ")
	row, _, _ = strings.Cut(row, "\n")
	for _, k := range event.Kinds() {
		if named := strings.Contains(row, "`"+k.Name+"`"); named != k.Happens() {
			t.Errorf("%s: the row \"events\" names %s: %t; it happens: %t", document, k.Name, named, k.Happens())
		}
	}
}

const old, young = "1111111111111111111111111111111111111111", "2222222222222222222222222222222222222222"

func TestThePayloadOfAPushSaysWhatMoved(t *testing.T) { // TRG-3
	for _, tt := range []struct {
		name            string
		before          string
		forced, created bool
		compare         string
	}{
		{"moved", old, false, false, "http://ci.example/octo/hello/compare/111111111111...222222222222"},
		{"forced", old, true, false, "http://ci.example/octo/hello/compare/111111111111...222222222222"},
		{"new", actions.ZeroSHA, false, true, "http://ci.example/octo/hello/compare/222222222222"},
	} {
		head := &actions.Commit{SHA: young, Message: "second"}
		p := payload(t, &event.Event{Name: "push", Ref: "refs/heads/main", Head: head, Push: &event.Push{
			Update: actions.RefUpdate{Ref: "refs/heads/main", Before: tt.before, After: young}, Forced: tt.forced, Commits: []*actions.Commit{head},
		}})
		for key, want := range map[string]any{
			"ref": "refs/heads/main", "before": tt.before, "after": young, "forced": tt.forced, "created": tt.created, "deleted": false,
			"compare": tt.compare,
		} {
			if p[key] != want {
				t.Errorf("%s: %s is %v, want %v", tt.name, key, p[key], want)
			}
		}
		commits, _ := p["commits"].([]any)
		if last, _ := p["head_commit"].(map[string]any); len(commits) != 1 || last["id"] != young || last["message"] != "second" {
			t.Errorf("%s: commits %v, the last %v", tt.name, commits, last)
		}
	}
}

func TestThePayloadOfADispatchHasItsInputs(t *testing.T) { // TRG-3, TRG-12
	for given, want := range map[string]any{"": nil, `{"dry": "true"}`: map[string]any{"dry": "true"}} {
		p := payload(t, &event.Event{
			Name: "workflow_dispatch", Ref: "refs/heads/main", Workflow: ".github/workflows/ci.yml", Dispatch: &event.Dispatch{Inputs: []byte(given)},
		})
		if diff := cmp.Diff(want, p["inputs"]); diff != "" {
			t.Errorf("inputs of %q (-want +got):\n%s", given, diff)
		}
		if p["ref"] != "refs/heads/main" || p["workflow"] != ".github/workflows/ci.yml" {
			t.Errorf("payload %v", p)
		}
		if _, has := p["organization"]; has {
			t.Error("there is no organization, and the payload has one")
		}
	}
}

func TestThePayloadOfAPullRequestSaysWhatHasHappened(t *testing.T) { // TRG-3
	p := payload(t, &event.Event{Name: "pull_request", Action: "synchronize", Pull: &event.Pull{Pull: asked, Before: old, After: young}})
	if p["before"] != old || p["after"] != young || p["number"] != 7.0 || p["pull_request"].(map[string]any)["title"] != "A change" {
		t.Errorf("synchronize: %v", p)
	}
	p = payload(t, &event.Event{Name: "pull_request_target", Action: "edited", Pull: &event.Pull{Pull: asked, Changes: map[string]string{"title": "Old", "base_ref": "dev", "base_sha": old}}})
	want := map[string]any{"title": map[string]any{"from": "Old"}, "base": map[string]any{"ref": map[string]any{"from": "dev"}, "sha": map[string]any{"from": old}}}
	if diff := cmp.Diff(want, p["changes"]); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	p = payload(t, &event.Event{Name: "pull_request", Action: "review_requested", Pull: &event.Pull{Pull: asked, Reviewer: octo}})
	if who, _ := p["requested_reviewer"].(map[string]any); who["login"] != "octo" {
		t.Errorf("review_requested: %v", p)
	}
}
