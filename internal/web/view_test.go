package web_test

import (
	"strings"
	"testing"
	"time"
)

// People who follow a job whose runner sends no lines must not take it for one that
// prints nothing: with and without scripts the page says so.
func TestThePageSaysWhenTheLiveViewIsGone(t *testing.T) {
	s := newSample(t, plain)
	const gone = "The live view of this job is gone"
	path := jobPath(pathOf(s.repo), s.live)
	closed := s.Logs.Connected(s.live.ID)
	s.Pass(time.Minute)
	if page := s.browser().get(path).body; strings.Contains(page, gone) || !strings.Contains(page, `<div id="view" role="status"></div>`) {
		t.Errorf("the page says that it is gone, or has no place for that:\n%s", page)
	}
	st := s.browser().stream(path + "/live?have=1:1,2:2")
	if e := st.next("view"); e.data != `{"text":""}` {
		t.Errorf("view of a connected runner: %s", e.data)
	}
	closed()
	s.Pass(time.Minute)
	if page := s.browser().get(path).body; !strings.Contains(page, `<div id="view" role="status"><p data-about="lines">`+gone) {
		t.Errorf("the page does not say that it is gone:\n%s", page)
	}
	other := s.browser().stream(path + "/live?have=1:1,2:2")
	if e := other.next("view"); !strings.Contains(e.data, gone) {
		t.Errorf("view without a connection: %s", e.data)
	}
	steps, err := s.Store.Steps(t.Context(), s.live.ID)
	s.Must(err)
	s.Must(s.Logs.PutPart(t.Context(), s.live, steps[1].GUID, 2, strings.NewReader(stamped("stored meanwhile"))))
	for _, events := range []*events{st, other} { // what is stored comes all the same
		if l := events.lines(); l.From != 3 || textOf(l.Lines[0]) != "stored meanwhile" {
			t.Errorf("lines: %+v", l)
		}
	}
	s.Logs.Connected(s.live.ID)
	if e := other.next("view"); e.data != `{"text":""}` {
		t.Errorf("view of a runner that is back: %s", e.data)
	}
	if page := s.browser().get(jobPath(pathOf(s.repo), s.failed)).body; strings.Contains(page, gone) {
		t.Error("the page of a job that is over says that its live view is gone")
	}
}
