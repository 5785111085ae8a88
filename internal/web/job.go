package web

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/logs"
	"github.com/understudy-ci/understudy/internal/store"
)

type jobPage struct {
	page
	Run         runHead
	Groups      []jobGroup // of the run, to go from one job to the next
	Current     int64      // its id
	Job         jobRow
	State       string // changes whenever the head of the page does
	Annotations []annotation
	Counts      string
	MoreNotes   bool              // there are more annotations than the page lists
	Dropped     []string          // of which steps there are more than their runner has reported
	Subjects    []actions.Subject // that its steps have declared
	Notes       []serverNote
	Warned      bool   // by one of the notes
	Raw         string // URL of the whole log
	Live        string // URL of the stream; empty when the job is over
	View        string // what has become of the live view, if it is gone
}

// A stepPage is a step with its log, in a job's page.
type stepPage struct {
	stepRow
	Open bool
	Raw  string // URL of its log
}

// found is what the path of a job's page names.
type found struct {
	repo *actions.Repository
	run  *actions.Run
	job  *actions.Job
}

func (s *Site) find(r *http.Request, c *auth.Caller) (f found, err error) {
	if f.repo, err = s.readable(r, c); err != nil {
		return f, err
	}
	if f.run, err = s.runOf(r, f.repo); err != nil {
		return f, err
	}
	id, err := httpjson.PathID(r, "job")
	if err != nil {
		return f, err
	}
	if f.job, err = s.store.RepoJob(r.Context(), f.repo.ID, id); err != nil {
		return f, err
	}
	if f.job.RunID != f.run.ID {
		return f, errNotFound
	}
	return f, nil
}

// findLogs is find for who asks for logs as files. That takes what it takes in the API.
func (s *Site) findLogs(r *http.Request, c *auth.Caller) (found, error) {
	f, err := s.find(r, c)
	if err != nil {
		return f, err
	}
	return f, s.auth.Can(r.Context(), c, auth.Target{Repo: f.repo}, auth.DownloadRuns)
}

// job serves GET /{owner}/{repo}/actions/runs/{run}/job/{job}. With ?part=live
// it answers only what is around the logs.
func (s *Site) job(w http.ResponseWriter, r *http.Request, c *auth.Caller) error {
	f, err := s.find(r, c)
	if err != nil {
		return err
	}
	h := headOf(f.repo)
	if f.job.Key == "" { // it only carries what is wrong with the workflow file
		redirect(w, runPath(h, f.run.ID))
		return nil
	}
	p := jobPage{page: s.page(r, c, f.job.Name+" · "+f.run.Title), Raw: jobPath(h, f.job) + "/logs"}
	p.Repo = h
	if f.job.Status != actions.Completed {
		p.Live = jobPath(h, f.job) + "/live" + ofQuery(f.job.GUID)
		p.View = viewText(s.logs.ViewGone(f.job))
	} else if p.View, err = s.expired(r.Context(), f.job); err != nil {
		return err
	}
	if p.State, err = s.stateOf(r.Context(), f.job); err != nil { // before what it is about
		return err
	}
	if err := s.around(r.Context(), &p, f); err != nil {
		return err
	}
	if r.URL.Query().Get("part") == "live" {
		return s.render(w, http.StatusOK, "job-part", p)
	}
	steps, err := s.store.Steps(r.Context(), f.job.ID)
	if err != nil {
		return err
	}
	return s.streamJob(r.Context(), w, p, f.job, steps)
}

// settled is how long after a job the last of its log has come.
const settled = time.Minute

// expired says that the log of a job has been, and is deleted; empty if it is not.
func (s *Site) expired(ctx context.Context, j *actions.Job) (string, error) {
	if s.now().Sub(j.CompletedAt) < settled {
		return "", nil
	}
	err := s.logs.Available(ctx, j)
	switch actions.KindOf(err) { //nolint:exhaustive // the others are failures
	case actions.Gone:
		return err.Error(), nil
	case actions.NotFound:
		return "", nil
	}
	return "", err
}

// stateOf is a word for what the head of a job's page shows.
func (s *Site) stateOf(ctx context.Context, j *actions.Job) (string, error) {
	notes, err := s.store.StepLog(ctx, j.ID, logs.Notes)
	return fmt.Sprintf("%s %s %s %t %d", j.Status, j.Conclusion, j.Wait, j.CancelAt.IsZero(), len(notes)), err
}

// around adds to a job's page what is not its log.
func (s *Site) around(ctx context.Context, p *jobPage, f found) error {
	a, err := s.store.Attempt(ctx, f.run.ID, f.job.Attempt)
	if err != nil {
		return err
	}
	p.Run = s.headOfRun(p.Repo, f.run, a, false)
	jobs, err := s.store.Jobs(ctx, f.run.ID, f.job.Attempt)
	if err != nil {
		return err
	}
	runners, err := s.runnersFor(ctx, f.repo, f.run, []*actions.Job{f.job})
	if err != nil {
		return err
	}
	p.Groups = groupsOf(p.Repo, jobs, nil, actions.Candidates{}, s.now())
	p.Current = f.job.ID
	p.Job = jobRowOf(p.Repo, f.job, runners, s.now())
	notes, _, err := s.store.Annotations(ctx, f.job.ID, store.Page{Number: 1, Size: maxOfJob})
	if err != nil {
		return err
	}
	p.Annotations, p.Counts = annotationsOf(p.Repo, notes[:min(len(notes), maxAnnotations)], nil)
	p.MoreNotes = len(notes) > maxAnnotations
	if p.Dropped, err = s.dropped(ctx, f.job, notes); err != nil {
		return err
	}
	if p.Subjects, err = s.logs.Subjects(ctx, f.job); err != nil {
		s.log.WarnContext(ctx, "declared artifacts not shown", "job", f.job.ID, "err", err)
	}
	p.Notes = s.serverNotes(ctx, f.job)
	p.Warned = warned(p.Notes)
	return nil
}

// streamJob writes the page of a job, log by log. Once it has begun, an error
// becomes a line of the page.
func (s *Site) streamJob(ctx context.Context, w http.ResponseWriter, p jobPage, j *actions.Job, steps []*actions.Step) error {
	out := bufio.NewWriterSize(w, 32<<10)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := s.templates.ExecuteTemplate(out, "job-top", p); err != nil {
		return s.broken(ctx, out, j, err)
	}
	log := &logWriter{w: out, left: pageLines}
	found, missed := s.logs.Find(ctx, j)
	rows := stepRows(p.Job.URL, steps, s.now())
	for i, st := range steps {
		sp := stepPage{stepRow: rows[i], Open: opens(st), Raw: p.Raw + "/" + strconv.Itoa(st.Number)}
		if err := s.templates.ExecuteTemplate(out, "step-top", sp); err != nil {
			return s.broken(ctx, out, j, err)
		}
		lines, err := int64(0), missed
		if err == nil {
			lines, err = writeStepLog(ctx, log, found, st, sp.Raw)
		}
		if err != nil {
			log.text(`<p class="gap">The rest of this log cannot be read now.</p>`, "\n")
			if actions.KindOf(err) == actions.Internal && ctx.Err() == nil {
				s.log.ErrorContext(ctx, "log of a step not shown", "job", j.ID, "step", st.GUID, "err", err)
			}
		}
		log.text(`</div><data hidden value="`, strconv.FormatInt(lines, 10), `"></data></details>`, "\n")
		if err := out.Flush(); err != nil {
			return nil // the browser is gone
		}
	}
	if err := s.templates.ExecuteTemplate(out, "job-bottom", p); err != nil {
		return s.broken(ctx, out, j, err)
	}
	_ = out.Flush() // the browser is gone
	return nil
}

// broken ends a page whose template failed midway, which tests rule out.
func (s *Site) broken(ctx context.Context, out *bufio.Writer, j *actions.Job, err error) error {
	if ctx.Err() == nil {
		s.log.ErrorContext(ctx, "page of a job broke off", "job", j.ID, "err", err)
	}
	_ = out.Flush() // the browser may be the reason
	return nil
}

// opens says whether a step's log is unfolded at first: when the step failed or
// is in progress.
func opens(st *actions.Step) bool {
	return st.Status == actions.InProgress || st.Conclusion == actions.Failure || st.Conclusion == actions.TimedOut
}

func writeStepLog(ctx context.Context, log *logWriter, found *logs.JobLog, st *actions.Step, raw string) (int64, error) {
	r, _, err := found.OpenStep(ctx, st.GUID)
	switch {
	case actions.KindOf(err) == actions.NotFound:
		return 0, nil
	case err != nil:
		return 0, err
	}
	defer r.Close()
	return log.writeStep(st.Number, r, raw)
}

// rawJobLog serves GET /{owner}/{repo}/actions/runs/{run}/job/{job}/logs.
func (s *Site) rawJobLog(w http.ResponseWriter, r *http.Request, c *auth.Caller) error {
	f, err := s.findLogs(r, c)
	if err != nil {
		return err
	}
	log, size, err := s.logs.OpenJob(r.Context(), f.job)
	if err != nil {
		return err
	}
	return s.writeRaw(r.Context(), w, f.job, log, size)
}

// rawStepLog serves GET /{owner}/{repo}/actions/runs/{run}/job/{job}/logs/{n},
// the log of step number n.
func (s *Site) rawStepLog(w http.ResponseWriter, r *http.Request, c *auth.Caller) error {
	f, err := s.findLogs(r, c)
	if err != nil {
		return err
	}
	n, err := httpjson.PathID(r, "n")
	if err != nil {
		return err
	}
	steps, err := s.store.Steps(r.Context(), f.job.ID)
	if err != nil {
		return err
	}
	for _, st := range steps {
		if int64(st.Number) == n {
			log, size, err := s.logs.OpenStep(r.Context(), f.job, st.GUID)
			if err != nil {
				return err
			}
			return s.writeRaw(r.Context(), w, f.job, log, size)
		}
	}
	return errNotFound
}

// writeRaw sends a log as it is. Its length is announced, so that a browser
// notices one that breaks off.
func (s *Site) writeRaw(ctx context.Context, w http.ResponseWriter, j *actions.Job, log io.ReadCloser, size int64) error {
	defer log.Close()
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Length", strconv.FormatInt(size, 10))
	if _, err := io.Copy(w, log); err != nil && ctx.Err() == nil && !strings.Contains(err.Error(), "broken pipe") {
		s.log.WarnContext(ctx, "raw log broke off", "job", j.ID, "err", err)
	}
	return nil
}
