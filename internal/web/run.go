package web

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/store"
)

// maxAnnotations is how many a run's page lists.
const maxAnnotations = 100

type runPage struct {
	page
	Run         runHead
	Groups      []jobGroup
	Current     int64 // the job that the page is about; 0 for none
	Annotations []annotation
	Counts      string // "2 errors and 1 warning"
	MoreNotes   bool   // there are more annotations than the page lists
	Artifacts   artifactList
	Locked      lockedList
	Live        string // URL of the stream of changes; empty when all is over
}

// A runHead is what stands above the page of a run.
type runHead struct {
	ID, Number int64

	URL, Title, Workflow, WorkflowURL, File, Event string
	Actor, Branch, BranchURL, SHA                  string

	Mark      mark
	Created   timestamp
	Duration  elapsed
	Attempt   int
	Attempts  []attemptLink // when there is more than one
	Latest    bool          // this is the newest attempt
	CanCancel bool
	Force     bool // it was cancelled already: the next time by force
	CanRerun  bool
}

type attemptLink struct {
	Number  int
	URL     string
	Current bool
}

// A jobGroup is one job of the workflow file: one row, or those of its matrix.
type jobGroup struct {
	Matrix string // the key of a job with a matrix; empty for one job
	Jobs   []jobRow
}

type jobRow struct {
	ID            int64
	URL, Name     string
	Mark          mark
	Duration      elapsed
	Waits         string // what it waits for; empty when it does not
	Runner        string
	Labels, Group string // of runs-on
	Steps         []stepRow
}

type stepRow struct {
	Number   int
	Name     string
	URL      string
	Mark     mark
	Duration elapsed
}

type annotation struct {
	Level, Label, Where, Job, JobURL, Title, Message string
}

// run serves GET /{owner}/{repo}/actions/runs/{run}, and an attempt of it. With
// ?part=live it answers only what the page replaces when something changed.
func (s *Site) run(w http.ResponseWriter, r *http.Request, c *auth.Caller) error {
	repo, err := s.readable(r, c)
	if err != nil {
		return err
	}
	run, err := s.runOf(r, repo)
	if err != nil {
		return err
	}
	a, err := s.attemptOf(r, run)
	if err != nil {
		return err
	}
	p := runPage{page: s.page(r, c, run.Title+" · "+run.Name)}
	p.Repo = headOf(repo)
	may := s.auth.Can(r.Context(), c, auth.Target{Repo: repo}, changeActions) == nil
	p.Run = s.headOfRun(p.Repo, run, a, may)
	if err := s.jobsOfRun(r.Context(), &p, repo, run, a); err != nil {
		return err
	}
	if p.Artifacts, err = s.artifactsOfRun(r, &p.Run, may, !c.Anonymous()); err != nil {
		return err
	}
	if p.Locked, err = s.lockedOfRun(r, run.ID, a.Number); err != nil {
		return err
	}
	shown, err := s.summariesOf(r.Context(), run.ID, a.Number, p.Groups)
	if err != nil {
		return err
	}
	if a.Status != actions.Completed {
		first, err := s.store.Attempt(r.Context(), run.ID, 1)
		if err != nil {
			return err
		}
		p.Live = runPath(p.Repo, run.ID) + "/live" + ofQuery(first.PlanID)
	}
	if r.URL.Query().Get("part") == "live" {
		return s.renderAround(w, "run-live", p, shown)
	}
	return s.renderAround(w, "run", p, shown)
}

// attemptOf is the attempt that a path names, or the newest.
func (s *Site) attemptOf(r *http.Request, run *actions.Run) (*actions.Attempt, error) {
	n := run.Attempt
	if text := r.PathValue("attempt"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil || n < 1 || n > run.Attempt {
			return nil, errNotFound
		}
	}
	return s.store.Attempt(r.Context(), run.ID, n)
}

func (s *Site) headOfRun(h *repoHead, run *actions.Run, a *actions.Attempt, may bool) runHead {
	now := s.now()
	row := rowOf(h, run, now)
	head := runHead{
		ID: run.ID, Number: run.Number, URL: row.URL, Title: row.Title, Workflow: run.Name, File: run.Path,
		WorkflowURL: workflowPath(h, &actions.Workflow{Path: run.Path}), Event: run.Event,
		Actor: a.Triggering.Login, Branch: run.HeadBranch, BranchURL: branchPath(h, run.HeadBranch), SHA: row.SHA,
		Mark: markOf(a.Status, a.Conclusion), Created: timestampOf(a.StartedAt, now),
		Duration: elapsedOf(a.StartedAt, a.CompletedAt, now), Attempt: a.Number, Latest: a.Number == run.Attempt,
		Force: !a.CancelAt.IsZero(),
	}
	head.CanCancel = may && head.Latest && a.Status != actions.Completed && !a.Forced
	head.CanRerun = may && head.Latest && run.CanRerun(now) == nil
	if run.Attempt > 1 {
		for n := run.Attempt; n > max(0, run.Attempt-50); n-- {
			head.Attempts = append(head.Attempts, attemptLink{n, fmt.Sprintf("%s/attempts/%d", row.URL, n), n == a.Number})
		}
	}
	return head
}

// jobsOfRun adds the jobs of an attempt with their steps and annotations.
func (s *Site) jobsOfRun(ctx context.Context, p *runPage, repo *actions.Repository, run *actions.Run, a *actions.Attempt) error {
	jobs, err := s.store.Jobs(ctx, a.RunID, a.Number)
	if err != nil {
		return err
	}
	steps, err := s.store.RunSteps(ctx, a.RunID, a.Number)
	if err != nil {
		return err
	}
	notes, total, err := s.store.RunAnnotations(ctx, a.RunID, a.Number, store.Page{Number: 1, Size: maxAnnotations})
	if err != nil {
		return err
	}
	runners, err := s.runnersFor(ctx, repo, run, jobs)
	if err != nil {
		return err
	}
	p.Groups = groupsOf(p.Repo, jobs, steps, runners, s.now())
	p.MoreNotes = total > len(notes)
	p.Annotations, p.Counts = annotationsOf(p.Repo, notes, jobs)
	return nil
}

// runnersFor are the runners that could take one of the jobs, if one waits.
func (s *Site) runnersFor(ctx context.Context, repo *actions.Repository, run *actions.Run, jobs []*actions.Job) (c actions.Candidates, err error) {
	if !slices.ContainsFunc(jobs, (*actions.Job).Ready) {
		return c, nil
	}
	return s.groups.Candidates(ctx, repo, run)
}

// groupsOf makes the rows of jobs. The job without a key, which holds what is
// wrong with a workflow file, is none that people know.
func groupsOf(h *repoHead, jobs []*actions.Job, steps []*actions.Step, runners actions.Candidates, now time.Time) []jobGroup {
	byJob := make(map[int64][]*actions.Step)
	for _, st := range steps {
		byJob[st.JobID] = append(byJob[st.JobID], st)
	}
	var groups []jobGroup
	index := make(map[string]int)
	for _, j := range jobs {
		if j.Key == "" {
			continue
		}
		row := jobRowOf(h, j, runners, now)
		row.Steps = stepRows(row.URL, byJob[j.ID], now)
		if i, ok := index[j.Key]; ok {
			groups[i].Jobs = append(groups[i].Jobs, row)
			continue
		}
		g := jobGroup{Jobs: []jobRow{row}}
		if j.Total > 1 {
			g.Matrix = j.Key
		}
		index[j.Key] = len(groups)
		groups = append(groups, g)
	}
	return groups
}

func jobRowOf(h *repoHead, j *actions.Job, runners actions.Candidates, now time.Time) jobRow {
	return jobRow{
		ID: j.ID, URL: jobPath(h, j), Name: j.Name, Mark: markOf(j.Status, j.Conclusion),
		Duration: elapsedOf(j.StartedAt, j.CompletedAt, now), Waits: j.WaitsFor(runners, now), Runner: j.RunnerName,
		Labels: list(j.Labels), Group: j.Group,
	}
}

func jobPath(h *repoHead, j *actions.Job) string {
	return runPath(h, j.RunID) + "/job/" + strconv.FormatInt(j.ID, 10)
}

func stepRows(job string, steps []*actions.Step, now time.Time) []stepRow {
	rows := make([]stepRow, len(steps))
	for i, st := range steps {
		rows[i] = stepRow{
			Number: st.Number, Name: st.Name, URL: fmt.Sprintf("%s#step:%d:1", job, st.Number),
			Mark: markOf(st.Status, st.Conclusion), Duration: elapsedOf(st.StartedAt, st.CompletedAt, now),
		}
	}
	return rows
}

func branchPath(h *repoHead, branch string) string {
	return h.Path + "/actions?" + url.Values{"branch": {branch}}.Encode()
}

// annotationsOf makes the rows of annotations, and says how many there are of
// each level.
func annotationsOf(h *repoHead, notes []*actions.Annotation, jobs []*actions.Job) ([]annotation, string) {
	byID := make(map[int64]*actions.Job, len(jobs))
	for _, j := range jobs {
		byID[j.ID] = j
	}
	var rows []annotation
	counts := make(map[string]int)
	for _, n := range notes {
		row := annotation{Where: positionOf(n), Title: n.Title, Message: n.Message}
		row.Level, row.Label = levelOf(n.Level)
		counts[row.Label]++
		if j := byID[n.JobID]; j != nil && j.Key != "" {
			row.Job, row.JobURL = j.Name, jobPath(h, j)
		}
		rows = append(rows, row)
	}
	var words []string
	for _, label := range []string{"error", "warning", "notice"} {
		switch n := counts[label]; n {
		case 0:
		case 1:
			words = append(words, "1 "+label)
		default:
			words = append(words, fmt.Sprintf("%d %ss", n, label))
		}
	}
	return rows, list(words)
}

func levelOf(l actions.Level) (class, label string) {
	switch l {
	case actions.LevelWarning:
		return "warning", "warning"
	case actions.LevelNotice:
		return "notice", "notice"
	case actions.LevelFailure:
	}
	return "failure", "error"
}

// positionOf is where an annotation points, as people write it: file:line:column.
func positionOf(n *actions.Annotation) string {
	if n.Path == "" || n.Path == ".github" {
		return ""
	}
	where := n.Path
	if n.StartLine > 0 {
		where += fmt.Sprintf(", line %d", n.StartLine)
	}
	if n.StartColumn > 0 {
		where += fmt.Sprintf(", column %d", n.StartColumn)
	}
	return where
}
