// Package plan decides what happens next in a run attempt.
//
// [Next] looks at the workflow, the contexts of the run and the job rows that
// exist, and answers with the rows to create, the jobs to cancel, the held jobs
// to let go, and, when nothing is left, the conclusion. It is asked when the
// attempt starts, whenever a job ends, and when somebody cancels. It reads no
// clock and keeps nothing: the same input gives the same answer, so a caller
// may ask within a transaction that is tried again.
//
// As on GitHub, rows appear when the jobs they need are done: one for each
// combination of a matrix, all at once; one for a job that is skipped, and one
// for a job whose expressions fail, both completed from the start. With
// max-parallel, the rows beyond the limit are created with something to wait
// for: queued, offered to nobody. Each end of a sibling releases one.
//
// The jobs of a run may stand in several files, because a job can call another
// workflow; then each of the called file's jobs is a job of the run. Two jobs
// with one id differ in their path, the keys of the jobs that call their file.
// This server does not act on calls yet: a run that has one does not start.
//
// The answer repeats what is not done yet: until a cancelled job has ended, its
// id is in Cancel each time.
package plan

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/workflow"
)

// A Run is an attempt, as far as it got.
type Run struct {
	Path     string                        // of the run's own file
	Files    map[string]*workflow.Workflow // that file by its path, and those that its jobs call by what 'uses' says, less "./"
	Contexts *expr.Object                  // github, inputs, vars
	Jobs     []Job                         // all rows of this attempt, those carried over from the last one included

	// Protected are the keys ([actions.EnvironmentKey]) of the environments that have a
	// rule. Jobs that deploy to them wait.
	Protected map[string]bool

	// Cancelled says that the run is being cancelled: no job starts or goes on
	// unless its condition holds in spite of that (CAN-1). Force ends these,
	// too (CAN-5).
	Cancelled bool
	Force     bool
}

func (r *Run) cancelling() bool { return r.Cancelled || r.Force }

// file is the run's own file.
func (r *Run) file() *workflow.Workflow { return r.Files[r.Path] }

// A Job is a row: one combination of a job of a workflow. Path, Key and Index
// say which.
type Job struct {
	ID     int64
	Path   []string     // keys of the jobs that call its workflow, outermost first; none for the run's own file
	Key    string       // id in its workflow
	Index  int          // which combination, from 0
	Total  int          // how many there are
	Matrix *expr.Object // nil without a matrix
	Wait   actions.Wait // as it was created with, until it is released

	Environment string // what it deploys to; empty for nothing

	Status          actions.Status
	Conclusion      actions.Conclusion
	ContinueOnError bool
	Outputs         map[string]string
	CompletedAt     time.Time // orders the outputs of a matrix (RES-5)
}

// A Decision is what to do now.
type Decision struct {
	Create  []NewJob
	Release []int64 // jobs that have waited for something, and that runners may have now
	Protect []int64 // jobs that wait from now on for the rules of their environment, unless a runner has them
	Cancel  []int64 // jobs to cancel, running or not; some may be on their way out already

	Concluded  bool
	Conclusion actions.Conclusion // set when Concluded
	Error      string             // why a run could not start; for people
	ErrorPos   workflow.Pos       // what Error is about; set with it
}

// A NewJob is a row to create. Its status is queued, or completed with one of
// the conclusions skipped, cancelled and failure.
type NewJob struct {
	Path   []string
	Key    string
	Index  int
	Total  int
	Name   string       // as people see it (MAT-2)
	Matrix *expr.Object // nil without a matrix

	Labels      []string // a runner must carry all of them
	RunnerGroup string   // empty for any
	Environment string   // what it deploys to; empty for nothing

	FailFast             bool
	MaxParallel          int          // Total if the workflow sets none
	Wait                 actions.Wait // before runners may have it
	TimeoutMinutes       int
	CancelTimeoutMinutes int
	ContinueOnError      bool

	Status     actions.Status
	Conclusion actions.Conclusion
	Error      string       // for an annotation: which expression failed and where (IF-7)
	ErrorPos   workflow.Pos // of that expression in the file; set with Error
}

// maxJobs bounds the rows of one attempt, and the jobs of its files. A matrix has at
// most 256; a file of 1 MiB could name thousands of those.
const maxJobs = 5000

// Next decides what to do in r. An error means that r itself makes no sense:
// a row whose key is not in the workflow.
func Next(r *Run) (*Decision, error) {
	if r.file() == nil || r.Contexts == nil {
		return nil, errors.New("plan: a run needs its workflow and contexts")
	}
	if msg, pos := unsupported(r); msg != "" {
		return &Decision{Concluded: true, Conclusion: actions.StartupFailure, Error: msg, ErrorPos: pos}, nil
	}
	p, err := newPlanner(r)
	if err != nil {
		return nil, err
	}
	begins := len(r.Jobs) == 0
	if begins && len(p.nodes) > maxJobs { // each has one row at least
		_ = p.tooMany(p.nodes[maxJobs]) // it is kept
	}
	for _, n := range p.nodes {
		if begins && p.over != nil {
			break
		}
		p.visit(n)
	}
	if begins && p.over != nil {
		return &Decision{Concluded: true, Conclusion: actions.StartupFailure, Error: p.over.Error(), ErrorPos: p.over.pos}, nil
	}
	p.conclude()
	return &p.decision, nil
}

// unsupported says why a run cannot start at all, and because of what.
func unsupported(r *Run) (msg string, at workflow.Pos) {
	for _, j := range r.file().Jobs {
		if j.Uses != "" {
			return positionText(r.file(), j.Pos) + ": the job '" + j.ID + "' calls the workflow '" + j.Uses +
				"'; calling reusable workflows is not supported by this server", j.Pos
		}
	}
	return "", workflow.Pos{}
}

// A planner is the state of one call of Next.
type planner struct {
	*graph
	decision Decision
	visited  map[*node]bool
	made     int // rows, old and new
	open     bool
	over     *failure // the first job that is over what a run may have or use; nil if none is
}

func newPlanner(r *Run) (*planner, error) {
	g, err := newGraph(r)
	if err != nil {
		return nil, err
	}
	return &planner{graph: g, visited: make(map[*node]bool), made: len(r.Jobs)}, nil
}

// visit decides about j after all that it needs.
func (p *planner) visit(j *node) {
	if p.visited[j] {
		return
	}
	p.visited[j] = true
	ready := true
	for _, id := range j.Needs {
		needed := p.needed(j, id)
		p.visit(needed)
		ready = ready && p.results[needed] != nil
	}
	switch rows := p.rows[j]; {
	case len(rows) > 0:
		p.watch(j, rows)
	case ready:
		p.create(j)
	default:
		p.open = true
	}
}

// watch looks after a job that has rows: it cancels and releases some.
func (p *planner) watch(j *node, rows []*Job) {
	if p.results[j] != nil {
		return
	}
	p.open = true
	cancel := p.run.cancelling() && !p.survives(j) || p.failedFast(j, rows)
	parallel, waiting := 0, []*Job(nil)
	for _, row := range rows {
		switch {
		case row.Status == actions.Completed:
		case cancel:
			p.decision.Cancel = append(p.decision.Cancel, row.ID)
		case row.Wait.Reason == actions.MaxParallel:
			waiting = append(waiting, row)
		default:
			parallel++
			p.guard(row)
		}
	}
	if len(waiting) == 0 {
		return
	}
	limit := rows[0].Total
	if s, err := p.strategy(j); err == nil {
		limit = s.parallel(len(rows))
	}
	for _, row := range waiting[:min(len(waiting), max(limit-parallel, 0))] {
		if p.run.protects(row.Environment) {
			p.decision.Protect = append(p.decision.Protect, row.ID)
			continue
		}
		p.decision.Release = append(p.decision.Release, row.ID)
	}
}

// guard looks after the rules of the environment of a row that has its turn: they may
// have come or gone meanwhile.
func (p *planner) guard(row *Job) {
	protected := p.run.protects(row.Environment)
	switch {
	case row.Wait.Reason == actions.Protection && !protected:
		p.decision.Release = append(p.decision.Release, row.ID)
	case row.Wait == actions.Wait{} && row.Status == actions.Queued && protected:
		p.decision.Protect = append(p.decision.Protect, row.ID)
	}
}

// protects says whether jobs that deploy to an environment wait for its rules.
func (r *Run) protects(environment string) bool {
	return environment != "" && r.Protected[actions.EnvironmentKey(environment)]
}

// failedFast says whether a failed row ends its siblings (MAT-4).
func (p *planner) failedFast(j *node, rows []*Job) bool {
	for _, row := range rows {
		if row.failed() && !row.ContinueOnError {
			s, err := p.strategy(j)
			return err == nil && s.failFast
		}
	}
	return false
}

// survives says whether j goes on while the run is being cancelled (CAN-1).
func (p *planner) survives(j *node) bool {
	if p.run.Force {
		return false
	}
	ok, err := p.condition(j, true)
	return err == nil && ok
}

// create makes the rows of a job that is ready.
func (p *planner) create(j *node) {
	conclusion, err := p.admit(j)
	if err != nil {
		p.finish(j, actions.Failure, err)
		return
	}
	if conclusion != "" {
		p.finish(j, conclusion, nil)
		return
	}
	rows, err := p.expand(j)
	if err == nil && p.made+len(rows) > maxJobs {
		err = p.tooMany(j)
	}
	if err != nil {
		p.finish(j, actions.Failure, err)
		return
	}
	p.made += len(rows)
	p.open = true
	p.decision.Create = append(p.decision.Create, rows...)
}

// exceed says that j is over a limit of the run. At the start of the run that is the
// end of it: nobody wants the jobs of one half of a file.
func (p *planner) exceed(j *node, limit string) error {
	f := &failure{j.Pos, fmt.Errorf("%s: the job '%s' is over a limit: %s", positionText(j.file, j.Pos), j.ID, limit)}
	if p.over == nil {
		p.over = f
	}
	return f
}

func (p *planner) tooMany(j *node) error {
	return p.exceed(j, fmt.Sprintf("a run has at most %d jobs", maxJobs))
}

// admit evaluates the condition of a job that is ready. It returns nothing if
// the job may run, else how it ends without. What a cancellation alone keeps
// from running is cancelled; what would not have run anyway is skipped.
func (p *planner) admit(j *node) (actions.Conclusion, error) {
	ok, err := p.condition(j, p.run.cancelling())
	switch {
	case err != nil && !p.run.cancelling():
		return "", err
	case ok && err == nil && !p.run.Force:
		return "", nil
	case !p.run.cancelling():
		return actions.Skipped, nil
	}
	if ok, err := p.condition(j, false); err == nil && !ok {
		return actions.Skipped, nil
	}
	return actions.Cancelled, nil
}

// finish makes the one row of a job that never reaches a runner, because of
// its condition or of an error.
func (p *planner) finish(j *node, c actions.Conclusion, err error) {
	if err != nil && p.budget.Exhausted() && p.over == nil {
		err = p.exceed(j, fmt.Sprintf("all expressions of a run together take at most %d steps and %d MiB", maxSteps, maxMemory>>20))
	}
	p.made++
	row := NewJob{
		Path: j.path, Key: j.ID, Total: 1, Name: p.plainName(j), FailFast: true, MaxParallel: 1,
		TimeoutMinutes: defaultTimeout, CancelTimeoutMinutes: defaultCancelTimeout,
		Status: actions.Completed, Conclusion: c,
	}
	if err != nil {
		row.Error, row.ErrorPos = err.Error(), j.Pos
		if f, ok := errors.AsType[*failure](err); ok {
			row.ErrorPos = f.pos
		}
	}
	p.decision.Create = append(p.decision.Create, row)
	p.results[j] = resultOf([]*Job{{Path: j.path, Key: j.ID, Total: 1, Status: actions.Completed, Conclusion: c}})
}

// conclude ends the run when every job has (STA-3). A failure that came before
// a cancellation which stopped something counts as the cancellation.
func (p *planner) conclude() {
	if p.open {
		return
	}
	var all result
	for _, r := range p.results {
		all.add(r)
	}
	p.decision.Concluded = true
	switch {
	case all.cancelled > 0 && p.run.cancelling():
		p.decision.Conclusion = actions.Cancelled
	default:
		p.decision.Conclusion = all.merged()
	}
}

func (j *Job) failed() bool {
	return j.Conclusion == actions.Failure || j.Conclusion == actions.TimedOut
}

// key is how ids are compared: without case.
func key(id string) string { return strings.ToLower(id) }
