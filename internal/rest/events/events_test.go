package events_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/event"
	"github.com/understudy-ci/understudy/internal/rest/resttest"
	"github.com/understudy-ci/understudy/internal/store"
)

// on is a workflow of one job.
func on(events string) string {
	return "name: W\non: " + events + "\njobs: {a: {runs-on: x, steps: [{run: exit 0}]}}\n"
}

// runs are all runs of Alice's repository, oldest first.
func runs(s *resttest.Site) []*actions.Run {
	s.Helper()
	list, _, err := s.Store.Runs(s.Context(), store.RunFilter{RepoID: s.Repo.ID}, store.Page{Number: 1, Size: 100})
	s.Must(err)
	slices.Reverse(list)
	return list
}

// payloadOf is github.event of a run.
func payloadOf(s *resttest.Site, run *actions.Run) map[string]any {
	s.Helper()
	src, err := s.Store.RunSource(s.Context(), run.ID)
	s.Must(err)
	var p map[string]any
	s.Must(json.Unmarshal(src.Payload, &p))
	return p
}

func TestARepositoryDispatchStartsWhatListensToItsName(t *testing.T) { // TRG-3, TRG-9
	resttest.Each(t, func(s *resttest.Site) {
		s.Push(s.Repo, "main", map[string]string{
			".github/workflows/a.yml": on("{repository_dispatch: {types: [build]}}"), ".github/workflows/b.yml": on("{repository_dispatch: {types: [other]}}"),
		})
		dispatch := func(token string, body any) {
			s.Want(s.Do(http.MethodPost, s.Path("dispatches"), token, body), http.StatusNoContent)
		}
		dispatch(s.AliceToken, resttest.Fields{"event_type": "build", "client_payload": resttest.Fields{"unit": true, "n": 7}})
		dispatch(s.AliceToken, resttest.Fields{"event_type": "nothing"})
		dispatch(s.JobToken(s.Repo, map[string]string{"contents": "write"}), resttest.Fields{"event_type": "build"})
		list := runs(s)
		if len(list) != 2 || list[0].Event != "repository_dispatch" || list[0].Path != ".github/workflows/a.yml" || list[0].Title != "build" {
			t.Fatalf("%d runs, %+v", len(list), list)
		}
		p := payloadOf(s, list[0])
		if client := p["client_payload"].(map[string]any); p["action"] != "build" || p["branch"] != "main" || client["n"] != 7.0 || p["sender"].(map[string]any)["login"] != "alice" {
			t.Errorf("payload %v", p)
		}
		if p := payloadOf(s, list[1]); p["client_payload"] != nil {
			t.Errorf("client_payload %v, want none", p["client_payload"])
		}
	})
}

func TestARepositoryDispatchHasGitHubsBounds(t *testing.T) {
	s := resttest.New(t)
	many := resttest.Fields{}
	for i := range 11 {
		many[fmt.Sprint(i)] = i
	}
	deep := strings.Repeat("[", 99) + strings.Repeat("]", 99)
	for _, c := range []struct {
		body any
		want string
	}{
		{resttest.Fields{}, "Invalid request.\n\n\"event_type\" wasn't supplied."},
		{resttest.Fields{"event_type": strings.Repeat("é", 101)}, "Invalid request.\n\nOnly 100 characters are allowed; 101 were supplied."},
		{resttest.Fields{"event_type": "x", "client_payload": many}, "Invalid request.\n\nNo more than 10 properties are allowed; 11 were supplied."},
		{resttest.Fields{"event_type": "x", "client_payload": []int{1}}, "Invalid request.\n\nFor 'properties/client_payload', [1] is not an object."},
		{resttest.Fields{"event_type": "x", "client_payload": resttest.Fields{"a": strings.Repeat("x", 64<<10)}}, "client_payload is too large: it must be smaller than 64 KB."},
		{`{"event_type":"x","client_payload":{"a":` + deep + `}}`, "The payload nests more than 90 levels"},
	} {
		s.Refused(s.Do(http.MethodPost, s.Path("dispatches"), s.AliceToken, c.body), http.StatusUnprocessableEntity, c.want)
	}
}

// bridge brings an event as Alice.
func bridge(s *resttest.Site, status int, body any) {
	s.Helper()
	s.Want(s.Do(http.MethodPost, s.Path("actions/events"), s.AliceToken, body), status)
}

func TestAnEventOfAnotherForgeStartsRuns(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		s.Push(s.Repo, "main", map[string]string{".github/workflows/a.yml": on("{issues: {types: [opened]}}")})
		bridge(s, http.StatusNoContent, resttest.Fields{"event": "issues", "payload": resttest.Fields{
			"action": "opened", "issue": resttest.Fields{"number": 3, "title": "It broke"}, "sender": resttest.Fields{"login": "mallory"},
		}})
		bridge(s, http.StatusNoContent, resttest.Fields{"event": "issues", "payload": resttest.Fields{"action": "closed"}})
		list := runs(s)
		if len(list) != 1 || list[0].Actor.Login != "alice" || list[0].Title != "It broke" || list[0].Ref != "refs/heads/main" || list[0].FromFork {
			t.Fatalf("%d runs, %+v", len(list), list)
		}
		p := payloadOf(s, list[0])
		if p["sender"].(map[string]any)["login"] != "mallory" || p["repository"].(map[string]any)["full_name"] != "alice/hello" || p["issue"].(map[string]any)["number"] != 3.0 {
			t.Errorf("payload %v", p)
		}
		entries, err := s.Store.AuditEntries(s.Context(), store.AuditFilter{Terms: []store.AuditTerm{{Field: store.AuditByAction, Value: "workflows.bridge_event"}}}, 10)
		if err != nil || len(entries) != 2 || entries[0].Data["event"] != "issues" {
			t.Errorf("audit entries %+v, %v", entries, err)
		}
	})
}

// Rules for branches, such as those of environments, go by the ref of a run.
func TestTheCommitOfABridgedEventIsOneOfItsRef(t *testing.T) {
	s := resttest.New(t)
	file := on("{release: , deployment: , pull_request: {branches: [main]}}")
	main := s.Push(s.Repo, "main", map[string]string{".github/workflows/a.yml": file})
	only := s.Push(s.Repo, "topic", map[string]string{".github/workflows/a.yml": file, "c": "d"}) // of a pull request
	s.Must(s.Git.SetPullRef(t.Context(), s.Repo.ID, "refs/pull/1/head", only))
	tree := s.Tree(s.Repo, s.AliceToken)
	tree.Git("push", "-q", "origin", ":refs/heads/topic")
	side := s.Push(s.Repo, "side", map[string]string{".github/workflows/a.yml": file, "b": "c"})
	const nowhere = "0123456789012345678901234567890123456789"
	for _, c := range []struct {
		body resttest.Fields
		want string
	}{
		{resttest.Fields{"event": "nonsense", "payload": resttest.Fields{}}, "'nonsense' is not an event that can be brought from elsewhere"},
		{resttest.Fields{"event": "workflow_call", "payload": resttest.Fields{}}, "'workflow_call' is not an event that can be brought from elsewhere"},
		{resttest.Fields{"event": "issues"}, "Invalid request.\n\n\"payload\" wasn't supplied."},
		{resttest.Fields{"event": "issues", "payload": []int{}}, "The payload is not a JSON object"},
		{resttest.Fields{"event": "issues", "ref": "side", "payload": resttest.Fields{}}, "Runs of 'issues' are of the tip of the default branch: no other ref and no sha can be given"},
		{resttest.Fields{"event": "pull_request", "payload": resttest.Fields{}}, "Invalid request.\n\n\"ref\" wasn't supplied."},
		{resttest.Fields{"event": "pull_request", "ref": "--help", "payload": resttest.Fields{}}, "No ref found for: --help"},
		{resttest.Fields{"event": "pull_request", "ref": "main", "sha": side, "payload": resttest.Fields{}}, "No commit found for SHA: " + side},
		{resttest.Fields{"event": "pull_request", "ref": "main", "sha": nowhere, "payload": resttest.Fields{}}, "No commit found for SHA: " + nowhere},
		{resttest.Fields{"event": "pull_request", "ref": "main", "sha": "main", "payload": resttest.Fields{}}, "No commit found for SHA: main"},
		{resttest.Fields{"event": "deployment", "sha": nowhere, "payload": resttest.Fields{}}, "No commit found for SHA: " + nowhere},
		{resttest.Fields{"event": "deployment", "sha": only, "payload": resttest.Fields{}}, "No commit found for SHA: " + only},
		{resttest.Fields{"event": "pull_request", "ref": "refs/pull/1/head", "payload": resttest.Fields{}}, "No ref found for: refs/pull/1/head"},
		{resttest.Fields{"event": "release", "payload": resttest.Fields{"release": resttest.Fields{"tag_name": "v1"}}}, "No ref found for: refs/tags/v1"},
	} {
		s.Refused(s.Do(http.MethodPost, s.Path("actions/events"), s.AliceToken, c.body), http.StatusUnprocessableEntity, c.want)
	}
	if list := runs(s); len(list) != 0 {
		t.Fatalf("%d runs of what was refused", len(list))
	}
	pull := func(head, sha, base string) resttest.Fields {
		return resttest.Fields{"action": "opened", "pull_request": resttest.Fields{"title": "Mine", "head": resttest.Fields{"ref": head, "sha": sha}, "base": resttest.Fields{"ref": base}}}
	}
	bridge(s, http.StatusNoContent, resttest.Fields{"event": "pull_request", "payload": pull("side", side, "main")})
	bridge(s, http.StatusNoContent, resttest.Fields{"event": "pull_request", "payload": pull("side", side, "other")})
	bridge(s, http.StatusNoContent, resttest.Fields{"event": "pull_request", "ref": "side", "payload": pull("main", nowhere, "main")})
	bridge(s, http.StatusNoContent, resttest.Fields{"event": "pull_request", "ref": "side", "payload": pull("main", main, "main")}) // main does not have what runs
	bridge(s, http.StatusNoContent, resttest.Fields{"event": "deployment", "sha": main, "payload": resttest.Fields{}})
	var got []string
	for _, r := range runs(s) {
		got = append(got, fmt.Sprintf("%s %s %s %t", r.Event, r.Ref, r.HeadSHA, r.FromFork))
	}
	want := []string{
		"pull_request refs/heads/side " + side + " false",
		"pull_request refs/heads/side " + side + " true",
		"pull_request refs/heads/side " + side + " true",
		"deployment  " + main + " false",
	}
	if !slices.Equal(got, want) {
		t.Errorf("runs\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestWhoMayBringAnEvent(t *testing.T) {
	s := resttest.New(t)
	s.Pushed()
	body := resttest.Fields{"event": "issues", "payload": resttest.Fields{}}
	job := s.JobToken(s.Repo, map[string]string{"actions": "write", "contents": "write"})
	for token, status := range map[string]int{
		s.Token(s.Alice, "repo"): http.StatusForbidden, job: http.StatusForbidden, "": http.StatusNotFound, s.AliceToken: http.StatusNoContent,
	} {
		s.Want(s.Do(http.MethodPost, s.Path("actions/events"), token, body), status)
	}
}

func TestAPayloadOf25MegabytesIsTakenAndNoLargerOne(t *testing.T) {
	s := resttest.New(t)
	s.Push(s.Repo, "main", map[string]string{".github/workflows/a.yml": on("issues")})
	send := func(payload string) int {
		return s.Do(http.MethodPost, s.Path("actions/events"), s.AliceToken, strings.NewReader(`{"event":"issues","payload":`+payload+`}`)).StatusCode
	}
	text := func(n int) string { return `{"action":"opened","text":"` + strings.Repeat("x", n) + `"}` }
	if got := send(text(event.MaxPayload - 100)); got != http.StatusNoContent {
		t.Errorf("answers %d, want 204", got)
	}
	if got := send(text(event.MaxPayload)); got != http.StatusUnprocessableEntity {
		t.Errorf("one byte more: answers %d, want 422", got)
	}
	if got := send(`{"a":[` + strings.Repeat("[],", 6<<20) + `[]]}`); got != http.StatusUnprocessableEntity {
		t.Errorf("too many values: answers %d, want 422", got)
	}
	if n := len(runs(s)); n != 1 {
		t.Errorf("%d runs, want 1", n)
	}
}
