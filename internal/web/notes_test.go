package web

import (
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

func TestNotesOfTheServerStandAboveTheSteps(t *testing.T) {
	s := newSample(t, plain)
	if page := s.browser().get(jobPath(headOf(s.repo), s.failed)).body; strings.Contains(page, `id="notes"`) {
		t.Errorf("a job without notes shows some:\n%s", page)
	}
	path := jobPath(headOf(s.repo), s.live)
	s.check(s.logs.Note(t.Context(), s.live, s.logs.NewPart(), "Lifted the host check in octo/<b> (dist/index.js)"))
	page := s.browser().get(path).body
	notes, steps := strings.Index(page, `<details class="step" id="notes">`), strings.Index(page, `id="steps"`)
	if notes < 0 || steps < notes || !strings.Contains(page, `<span>Lifted the host check in octo/&lt;b&gt; (dist/index.js)</span>`) {
		t.Errorf("the page lacks the note, or it is not above the steps:\n%s", page)
	}
	s.check(s.logs.Note(t.Context(), s.live, s.logs.NewPart(), "##[warning]octo/act may refuse to work here"))
	if page := s.browser().get(path).body; !strings.Contains(page, `id="notes" open`) || !strings.Contains(page, "<span>Warning: octo/act may") {
		t.Errorf("the warning is folded or missing:\n%s", page)
	}
}

func TestANoteComesOntoTheOpenPage(t *testing.T) {
	s := newSample(t, plain)
	s.times.settle = time.Millisecond
	path := jobPath(headOf(s.repo), s.live)
	st := s.browser().stream(path + "/live")
	before := st.next("head").data
	s.check(s.logs.Note(t.Context(), s.live, s.logs.NewPart(), "Lifted the host check"))
	s.update(func(tx *store.Tx) error {
		return tx.SaveStep(t.Context(), s.live, &actions.Step{JobID: s.live.ID, GUID: s.guid(), Number: 3, Name: "Next", Status: actions.InProgress, StartedAt: time.Now()})
	})
	if after := st.next("head").data; after == before {
		t.Errorf("the page is not told to look again: %s", after)
	}
	if part := s.browser().get(path + "?part=live").body; !strings.Contains(part, "Lifted the host check") {
		t.Errorf("the part that it loads lacks the note:\n%s", part)
	}
}

func TestOfEndlessNotesAPageShowsTheFirst(t *testing.T) {
	notes, err := readNotes(strings.NewReader(strings.Repeat("2026-11-20T12:43:29.1Z ##[warning]\x1b[31ma\x1b[0mb\n", maxNotes+1)))
	if len(notes) != maxNotes || err != nil {
		t.Errorf("%d notes, %v", len(notes), err)
	}
	if diff := cmp.Diff(serverNote{maxNotes, "warning", "Warning: ", "ab"}, notes[maxNotes-1]); diff != "" {
		t.Error(diff)
	}
	notes, err = readNotes(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("a\nb\n"))))
	if err == nil {
		t.Errorf("notes that break off: %v, no error", notes)
	}
}
