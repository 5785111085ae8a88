package rest_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/rest/resttest"
	"github.com/understudy-ci/understudy/internal/servertest"
)

// @octokit/rest, with the plugins for retries and rate limits, calls every operation of
// Actions that is served.
func TestOctokitCallsEveryOperationOfActions(t *testing.T) {
	for _, needed := range []string{"../../node_modules/@octokit/rest", "../../node_modules/@octokit/plugin-throttling"} {
		if _, err := os.Stat(needed); err != nil && os.Getenv("UNDERSTUDY_TEST_REQUIRE_NODE") == "" {
			t.Skipf("no %s: run npm ci", needed)
		}
	}
	s := resttest.New(t)
	w := newClientWorld(s)
	served := make(map[string][]string)
	for _, rt := range s.Server.Routes() {
		method, pattern, _ := strings.Cut(rt.Pattern, " ")
		path, ok := w.fill(pattern)
		if !ok {
			t.Errorf("%s has a parameter without a value", rt.Pattern)
			continue
		}
		values, parts := []string{}, strings.Split(path, "/")
		for i, part := range strings.Split(pattern, "/") {
			if strings.HasPrefix(part, "{") && i < len(parts) {
				values = append(values, parts[i])
			}
		}
		served[method+" "+unnamed(pattern)] = values
	}
	waiting := s.AddRun(s.AddWorkflow(w.repo, ".github/workflows/fork.yml"), func(r *actions.Run) {
		r.Event, r.FromFork, r.Conclusion = "pull_request", true, actions.ActionRequired
	})
	input, err := json.Marshal(map[string]any{
		"baseUrl": s.URL + servertest.API, "token": w.token, "served": served, "own": map[string]any{"queued": w.queued, "waiting": waiting.ID, "repository": w.repo.ID},
	})
	s.Must(err)
	cmd := exec.CommandContext(t.Context(), "node", "testdata/octokit.mjs")
	cmd.Stdin, cmd.Stderr = bytes.NewReader(input), os.Stderr
	out, err := cmd.Output()
	s.Must(err)
	var said struct {
		Methods, Called int
		Wrong           []string
	}
	s.Must(json.Unmarshal(out, &said))
	t.Logf("%d of %d methods", said.Called, said.Methods)
	for _, text := range said.Wrong {
		t.Error(text)
	}
	if said.Called < 40 {
		t.Error("those are too few")
	}
}
