package web_test

import (
	"net/http"
	"testing"

	"github.com/understudy-ci/understudy/internal/servertest"
)

func TestStreamsDoNotTakeAllThatTheServerHas(t *testing.T) {
	s := newSample(t, plain, servertest.WithConfig(func(c *servertest.Config) { c.Limit = map[string]servertest.Size{"all-streams": 4} }))
	job, run := jobPath(pathOf(s.repo), s.live)+"/live", runPath(pathOf(s.repo), s.running.ID)+"/live"
	visitor, owner := s.browser(), s.signedIn(s.owner)
	first := visitor.stream(job)
	visitor.stream(run).next("changed")
	for _, path := range []string{job, run} {
		if got := visitor.get(path); got.status != http.StatusServiceUnavailable {
			t.Errorf("%s: a visitor's third stream is answered %d", path, got.status)
		}
	}
	for range 4 {
		owner.stream(job).next("steps")
	}
	if got := owner.get(job); got.status != http.StatusServiceUnavailable {
		t.Errorf("the fifth of four streams is answered %d", got.status)
	}

	first.next("steps")
	first.res.Body.Close()
	for status := 0; status != http.StatusOK; { // once the server has heard of it
		res := visitor.open(http.MethodGet, job, nil, nil)
		res.Body.Close()
		if status = res.StatusCode; status != http.StatusOK && status != http.StatusServiceUnavailable {
			t.Fatalf("in place of the first stream: %d", status)
		}
	}
}
