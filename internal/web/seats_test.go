package web

import (
	"net/http"
	"runtime"
	"testing"
)

func TestStreamsDoNotTakeAllThatTheServerHas(t *testing.T) {
	s := newSample(t, plain)
	s.seats.all, s.seats.anonymous = 3, 2
	job, run := jobPath(headOf(s.repo), s.live)+"/live", runPath(headOf(s.repo), s.running.ID)+"/live"
	visitor, owner := s.browser(), s.signedIn(s.owner)
	first := visitor.stream(job)
	visitor.stream(run).next("changed")
	for _, path := range []string{job, run} {
		if got := visitor.get(path); got.status != http.StatusServiceUnavailable {
			t.Errorf("%s: a visitor's third stream is answered %d", path, got.status)
		}
	}
	owner.stream(job).next("steps")
	if got := owner.get(job); got.status != http.StatusServiceUnavailable {
		t.Errorf("the fourth of three streams is answered %d", got.status)
	}

	first.next("steps")
	first.res.Body.Close()
	for s.seats.taken.Load() == 3 { // until the server has heard of it
		runtime.Gosched()
	}
	owner.stream(job).next("steps")
}
