package runner

import (
	"context"
	"testing"

	"github.com/understudy-ci/understudy/internal/mask"
	"github.com/understudy-ci/understudy/internal/runner/worker"
	"github.com/understudy-ci/understudy/internal/wire"
)

// Every call of the server in server_test.go checks that the runner itself shows the
// other token.
func TestTheWorkerDoesNotGetTheTokenByWhichTheRunnerReports(t *testing.T) {
	s := newServer(t)
	listen(t, configure(t, s, nil), func(_ context.Context, j *worker.Job) *worker.Result {
		if c := j.Message.Connection(); c.Token() != "steps.to.ken" || c.StepsToken() != "steps.to.ken" {
			t.Errorf("the worker's token is %q, want that of steps", c.Token())
		}
		var hidden mask.Masker
		for _, hint := range j.Message.Mask {
			if err := hidden.AddRegexp(hint.Value); err != nil {
				t.Error(err)
			}
		}
		if got := hidden.Text("found job.to.ken in memory"); got != "found *** in memory" {
			t.Errorf("a step that finds the runner's token prints %q", got)
		}
		return &worker.Result{Conclusion: wire.Succeeded}
	}, nil)
	s.offer("request-1")
	if got := s.result(); got.Conclusion != wire.Succeeded {
		t.Errorf("%+v", got)
	}
}

// A server that knows only one token gives that to steps, as GitHub's protocol has it.
func TestAServerThatGivesOneTokenGivesItToSteps(t *testing.T) {
	m := &wire.JobMessage{Resources: wire.Resources{Endpoints: []wire.Endpoint{{
		Name: wire.SystemConnection, Authorization: wire.EndpointAuthorization{Parameters: map[string]string{wire.AccessToken: "job.to.ken"}},
	}}}}
	if got := forSteps(m).Connection().Token(); got != "job.to.ken" {
		t.Errorf("the worker's token is %q", got)
	}
}
