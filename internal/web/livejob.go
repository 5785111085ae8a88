package web

import (
	"bytes"
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/logs"
)

// What the stream of a job sends. The script of the page sets it as text.
type (
	liveStep struct {
		Number int    `json:"n"`
		Name   string `json:"name"`
		Class  string `json:"class"`
		Label  string `json:"label"`
		Took   string `json:"took"`
		Since  int64  `json:"since"`
	}
	liveLines struct {
		Step  int        `json:"n"`
		From  int64      `json:"from"` // number of the first line
		Lost  bool       `json:"lost"` // lines before them are missing
		Lines []liveLine `json:"lines"`
	}
	liveView struct {
		Text string `json:"text"` // empty while lines come as they are printed
	}
	liveLine struct {
		Kind   string      `json:"k,omitempty"`
		Prefix string      `json:"w,omitempty"` // the kind in words
		Pieces [][2]string `json:"p"`           // class, text
	}
)

// viewGone is what a job's page says where people would wait for lines in vain.
const viewGone = "The live view of this job is gone: its runner has no connection to send lines as it prints them. " +
	"What it stores appears here, at the latest when a step ends. GitHub's runner tries to connect again after ten minutes."

// viewText is what the page of a job says of the live view; empty while there is one.
func viewText(gone bool) string {
	if gone {
		return viewGone
	}
	return ""
}

// liveJob serves GET /{owner}/{repo}/actions/runs/{run}/job/{job}/live: "steps"
// and "head" events when those change, "lines" as they are printed, "view" at first and
// when lines do not come any more as they are printed, or do again, and "end" when the
// job is over. ?have=3:120,4:7 names the lines that the page has already.
func (s *Site) liveJob(w http.ResponseWriter, r *http.Request, c *auth.Caller) error {
	if !sameOrigin(r) {
		return errOtherSite
	}
	f, err := s.find(r, c)
	if err == nil {
		err = sameOf(r, f.job.GUID)
	}
	if err != nil {
		return err
	}
	have := r.Header.Get("Last-Event-ID")
	if have == "" {
		have = r.URL.Query().Get("have")
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	lines := s.logs.Follow(ctx, f.job)
	j := &jobStream{site: s, stream: s.stream(w), job: f.job, have: parseCursor(have)}
	err = s.follow(r, c, j.stream, f.repo, f.run.ID, watcher{tell: j.tell, lines: lines, show: j.show, end: func() { j.drained = true }})
	s.streamEnded(r, err)
	return nil
}

// A jobStream is what one browser knows of a job.
type jobStream struct {
	*stream
	site *Site
	job  *actions.Job

	numbers map[string]int // of steps, by GUID
	have    cursor
	pending []logs.Event // of steps that are not known yet
	steps   []byte       // as told last
	state   string       // as told last
	drained bool         // no more lines will come
}

// maxPending is how many events wait for the step they belong to.
const maxPending = 64

// tell sends what has changed of the job and its steps.
func (j *jobStream) tell(ctx context.Context) (over bool, err error) {
	job, err := j.site.store.RepoJob(ctx, j.job.RepoID, j.job.ID)
	if err != nil {
		return false, err
	}
	steps, err := j.site.store.Steps(ctx, j.job.ID)
	if err != nil {
		return false, err
	}
	if err := j.tellSteps(steps); err != nil {
		return false, err
	}
	state, err := j.site.stateOf(ctx, job)
	if err != nil {
		return false, err
	}
	if state != j.state {
		j.state = state
		j.send("head", "", state)
	}
	pending := j.pending
	j.pending = nil
	for _, e := range pending {
		j.show(e)
	}
	if j.drained {
		j.send("end", "", state)
	}
	return j.drained, nil
}

// tellSteps sends the steps if they are not as told last.
func (j *jobStream) tellSteps(steps []*actions.Step) error {
	j.numbers = make(map[string]int, len(steps))
	list := make([]liveStep, len(steps))
	now := j.site.now()
	for i, st := range steps {
		j.numbers[st.GUID] = st.Number
		m, took := markOf(st.Status, st.Conclusion), elapsedOf(st.StartedAt, st.CompletedAt, now)
		if took.Since != 0 {
			took.Text = "" // the browser counts
		}
		list[i] = liveStep{st.Number, st.Name, m.Class, m.Label, took.Text, took.Since}
	}
	body, err := httpjson.Marshal(list)
	if err != nil {
		return err
	}
	if !bytes.Equal(body, j.steps) {
		j.steps = body
		j.send("steps", "", list)
	}
	return nil
}

// show sends lines that the browser has not got, or what has become of the live view.
func (j *jobStream) show(e logs.Event) {
	if e.View != "" {
		j.send("view", "", liveView{viewText(e.View == logs.ViewGone)})
		return
	}
	if e.Step == logs.Preamble || e.Step == j.job.GUID {
		return // lines of no step: they are in the raw log
	}
	n, ok := j.numbers[e.Step]
	if !ok {
		if len(j.pending) < maxPending {
			j.pending = append(j.pending, e)
		}
		return
	}
	if known := j.have[n] + 1 - e.Line; known > 0 {
		if known >= int64(len(e.Lines)) {
			return
		}
		e.Lines, e.Line = e.Lines[known:], e.Line+known
	}
	out := liveLines{Step: n, From: e.Line, Lost: e.Line > j.have[n]+1, Lines: make([]liveLine, len(e.Lines))}
	for i, text := range e.Lines {
		ln := lineOf(text)
		out.Lines[i] = liveLine{Kind: ln.Kind, Prefix: prefixes[ln.Kind], Pieces: make([][2]string, len(ln.Pieces))}
		for k, p := range ln.Pieces {
			out.Lines[i].Pieces[k] = [2]string{p.Class, p.Text}
		}
	}
	j.have[n] = e.Line + int64(len(e.Lines)) - 1
	j.send("lines", j.have.String(), out)
}

// A cursor is the number of the last line that a browser has of each step.
type cursor map[int]int64

// maxCursor is more steps than a job has.
const maxCursor = 2000

// parseCursor reads "3:120,4:7", and skips what it cannot read.
func parseCursor(text string) cursor {
	c := make(cursor)
	for part := range strings.SplitSeq(text, ",") {
		step, last, _ := strings.Cut(part, ":")
		n, err := strconv.Atoi(step)
		line, lerr := strconv.ParseInt(last, 10, 64)
		if err != nil || lerr != nil || line < 0 || line > 1<<40 {
			continue
		}
		if c[n] = line; len(c) == maxCursor {
			break
		}
	}
	return c
}

// String is what parseCursor reads.
func (c cursor) String() string {
	var b strings.Builder
	for n, line := range c {
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.Itoa(n))
		b.WriteByte(':')
		b.WriteString(strconv.FormatInt(line, 10))
	}
	return b.String()
}
