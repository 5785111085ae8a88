package web_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/web"
	"github.com/understudy-ci/understudy/internal/wire"
)

// events reads a stream as a browser does.
type events struct {
	testing.TB
	in  *bufio.Reader
	res *http.Response
}

type event struct{ name, id, data string }

func (b *browser) stream(path string) *events {
	t := b.ts.TB
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second) // ends a test that hangs
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, b.ts.URL+path, nil)
	b.ts.Must(err)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.AddCookie(&http.Cookie{Name: "understudy_session", Value: b.cookie})
	res, err := b.ts.Client.Do(r)
	b.ts.Must(err)
	t.Cleanup(func() { cancel(); res.Body.Close() })
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%s: %s, %v", path, res.Status, res.Header)
	}
	return &events{t, bufio.NewReader(res.Body), res}
}

// next is the next event of that name; others are passed over. The end of the
// stream is an event without a name.
func (s *events) next(name string) event {
	s.Helper()
	var e event
	for {
		text, err := s.in.ReadString('\n')
		if err != nil {
			if name != "" || !errors.Is(err, io.EOF) {
				s.Fatalf("the stream ended before %q: %v", name, err)
			}
			return event{}
		}
		field, value, _ := strings.Cut(strings.TrimSuffix(text, "\n"), ": ")
		switch field {
		case "event":
			e.name = value
		case "id":
			e.id = value
		case "data":
			e.data = value
		case "":
			if name != "" && e.name == name {
				return e
			}
			e = event{}
		}
	}
}

func (s *events) lines() web.LiveLines {
	s.Helper()
	var l web.LiveLines
	if err := json.Unmarshal([]byte(s.next("lines").data), &l); err != nil {
		s.Fatal(err)
	}
	return l
}

func textOf(l web.LiveLine) string {
	var b strings.Builder
	for _, p := range l.Pieces {
		b.WriteString(p[1])
	}
	return b.String()
}

func TestJobPageFollowsItsLog(t *testing.T) {
	s := newSample(t, plain)
	steps, err := s.Store.Steps(t.Context(), s.live.ID)
	s.Must(err)
	page := s.browser().get(jobPath(pathOf(s.repo), s.live)).body
	if !strings.Contains(page, "cc -o hello") || !strings.Contains(page, `<data hidden value="2">`) {
		t.Fatalf("the page lacks what is stored:\n%s", page)
	}
	st := s.browser().stream(jobPath(pathOf(s.repo), s.live) + "/live?have=1:1,2:2")
	if e := st.next("steps"); !strings.Contains(e.data, `"name":"Run make","class":"running"`) {
		t.Errorf("steps: %s", e.data)
	}
	s.Logs.Publish(s.live.ID, steps[1].GUID, 3, []string{"\x1b[31mthree\x1b[0m", "four"})
	l := st.lines()
	want := web.LiveLines{Step: 2, From: 3, Lines: []web.LiveLine{{Pieces: [][2]string{{"f1", "three"}}}, {Pieces: [][2]string{{"", "four"}}}}}
	if diff := cmp.Diff(want, l); diff != "" {
		t.Errorf("lines:\n%s", diff)
	}

	// A step that nobody has announced waits for its name.
	guid := s.guid()
	s.Logs.Publish(s.live.ID, guid, 1, []string{"early"})
	s.update(func(tx *store.Tx) error {
		return tx.SaveStep(t.Context(), s.live, &actions.Step{JobID: s.live.ID, GUID: guid, Number: 3, Name: "Late", Status: actions.InProgress, StartedAt: time.Now()})
	})
	if l := st.lines(); l.Step != 3 || textOf(l.Lines[0]) != "early" {
		t.Errorf("lines of a new step: %+v", l)
	}

	s.live.Complete(actions.Success, time.Now())
	s.update(func(tx *store.Tx) error { return tx.UpdateJob(t.Context(), s.live) })
	s.Logs.End(s.live.ID)
	if e := st.next("end"); !strings.Contains(e.data, "completed success") {
		t.Errorf("end: %s", e.data)
	}
	st.next("") // and the stream with it
}

func TestFollowerThatComesAgainGetsOnlyWhatIsNew(t *testing.T) {
	s := newSample(t, plain)
	steps, err := s.Store.Steps(t.Context(), s.live.ID)
	s.Must(err)
	s.Logs.Publish(s.live.ID, steps[1].GUID, 3, []string{"three", "four"})
	path := jobPath(pathOf(s.repo), s.live) + "/live?have=1:1,2:"
	if l := s.browser().stream(path + "3").lines(); l.From != 4 || l.Lost || textOf(l.Lines[0]) != "four" {
		t.Errorf("after line 3: %+v", l)
	}
	s.Logs.Publish(s.live.ID, steps[1].GUID, 9, []string{"nine"})
	if l := s.browser().stream(path + "4").lines(); l.From != 9 || !l.Lost {
		t.Errorf("after a gap: %+v", l)
	}
}

func TestRunPageHearsOfChangesUntilTheRunIsOver(t *testing.T) {
	s := newSample(t, plain)
	st := s.browser().stream(runPath(pathOf(s.repo), s.running.ID) + "/live")
	st.next("changed")
	s.addStep(s.live, 3, "Another", "", "")
	st.next("changed")
	s.running.Status, s.running.Conclusion = actions.Completed, actions.Success
	s.update(func(tx *store.Tx) error { return tx.UpdateRun(t.Context(), s.running) })
	st.next("end")
	st.next("")
}

func TestStreamsEndWhenAccessIsLost(t *testing.T) {
	s := newSample(t, plain)
	friend := s.User("friend")
	repo := s.testSite.repo(s.owner, "private", true)
	run := s.addRun(repo, ".github/workflows/ci.yml", nil)
	job := s.addJob(run, "build", "build", nil)
	s.Must(s.Store.SetCollaborator(t.Context(), repo.ID, friend.ID, actions.Read))
	h := pathOf(repo)

	b, out := s.signedIn(friend), s.signedIn(friend)
	ofRun, ofJob := b.stream(runPath(h, run.ID)+"/live"), b.stream(jobPath(h, job)+"/live")
	signedOut := out.stream(runPath(h, run.ID) + "/live")
	ofRun.next("changed")
	ofJob.next("head")
	signedOut.next("changed")
	if got := out.post("/logout", map[string][]string{"csrf": {out.csrf("/")}}); got.status != http.StatusSeeOther {
		t.Fatalf("sign out: %d", got.status)
	}
	signedOut.next("")

	s.Must(s.Store.SetCollaborator(t.Context(), repo.ID, friend.ID, actions.NoAccess))
	ofRun.next("")
	ofJob.next("")
	if got := b.get(runPath(h, run.ID) + "/live"); got.status != http.StatusNotFound {
		t.Errorf("the browser that comes again gets %d", got.status)
	}
}

func TestStreamsOfAnonymousReadersEndWhenARepositoryBecomesPrivate(t *testing.T) {
	s := newSample(t, plain)
	repo := s.testSite.repo(s.owner, "open", false)
	run := s.addRun(repo, ".github/workflows/ci.yml", nil)
	anonymous, owner := s.browser().stream(runPath(pathOf(repo), run.ID)+"/live"), s.signedIn(s.owner).stream(runPath(pathOf(repo), run.ID)+"/live")
	anonymous.next("changed")
	owner.next("changed")
	repo.Private = true
	s.update(func(tx *store.Tx) error { return tx.UpdateRepository(t.Context(), repo) })
	anonymous.next("")
	run.Status, run.Conclusion = actions.Completed, actions.Success
	s.update(func(tx *store.Tx) error { return tx.UpdateRun(t.Context(), run) })
	owner.next("end")
}

func TestNotesOfTheServerStandAboveTheSteps(t *testing.T) {
	s := newSample(t, plain)
	if page := s.browser().get(jobPath(pathOf(s.repo), s.failed)).body; strings.Contains(page, `id="notes"`) {
		t.Errorf("a job without notes shows some:\n%s", page)
	}
	path := jobPath(pathOf(s.repo), s.live)
	s.Must(s.Logs.Note(t.Context(), s.live, s.Logs.NewPart(), "Lifted the host check in octo/<b> (dist/index.js)"))
	page := s.browser().get(path).body
	notes, steps := strings.Index(page, `<details class="step" id="notes">`), strings.Index(page, `id="steps"`)
	if notes < 0 || steps < notes || !strings.Contains(page, `<span>Lifted the host check in octo/&lt;b&gt; (dist/index.js)</span>`) {
		t.Errorf("the page lacks the note, or it is not above the steps:\n%s", page)
	}
	s.Must(s.Logs.Note(t.Context(), s.live, s.Logs.NewPart(), "##[warning]octo/act may refuse to work here"))
	if page := s.browser().get(path).body; !strings.Contains(page, `id="notes" open`) || !strings.Contains(page, "<span>Warning: octo/act may") {
		t.Errorf("the warning is folded or missing:\n%s", page)
	}
}

func TestANoteComesOntoTheOpenPage(t *testing.T) {
	s := newSample(t, plain)
	path := jobPath(pathOf(s.repo), s.live)
	st := s.browser().stream(path + "/live")
	before := st.next("head").data
	s.Must(s.Logs.Note(t.Context(), s.live, s.Logs.NewPart(), "Lifted the host check"))
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

func TestAStepWithoutALogShowsWhatTheLogOfItsJobHas(t *testing.T) {
	s := newSample(t, plain)
	lost := s.addStep(s.failed, 6, "Lost", actions.Success, "")
	stamp := lost.StartedAt.Add(time.Second).UTC().Format(wire.LogTime)
	s.Must(s.Logs.PutPart(t.Context(), s.failed, s.failed.GUID, 1, strings.NewReader(stamp+" what it printed\n")))
	page := s.browser().get(jobPath(pathOf(s.repo), s.failed)).body
	_, step, found := strings.Cut(page, `id="step:6"`)
	if !found || !strings.Contains(step, `id="step:6:1"`) || !strings.Contains(step, "<span>what it printed</span>") ||
		!strings.Contains(step, "<span>Notice: The log of this step did not arrive. These are its lines in the log of the job.</span>") {
		t.Errorf("the page lacks the lines or what they are:\n%s", step)
	}
	raw := s.signedIn(s.User("reader")).get(jobPath(pathOf(s.repo), s.failed) + "/logs/6")
	if !strings.HasPrefix(raw.body, stamp+" what it printed\n") {
		t.Errorf("the raw log is %d %q", raw.status, raw.body)
	}
}
