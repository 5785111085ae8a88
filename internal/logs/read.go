package logs

import (
	"cmp"
	"context"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/wire"
)

// Preamble stands for the step of lines that a runner prints before the first
// step. It is no GUID of any step.
const Preamble = "00000000-0000-0000-0000-000000000000"

var errNoLog = actions.Errorf(actions.NotFound, "there is no log")

// A JobLog is the log of a job, as far as it was stored when it was found: all of it,
// and step by step. It is what every surface shows.
type JobLog struct {
	logs  *Logs
	job   *actions.Job
	steps []stepLog // and what else has lines, in order
	whole []span    // what was sent as the log of the job
}

// A stepLog is what there is of one step.
type stepLog struct {
	step  string // GUID, Notes, Preamble, or the GUID of the job
	spans []span
	own   bool // it was sent as the log of this step
	live  bool // it stands in for one that was not
}

// Find finds the log of a job.
func (l *Logs) Find(ctx context.Context, job *actions.Job) (*JobLog, error) {
	return l.find(ctx, job, l.due(job))
}

// find is Find where the logs of steps that were over by due should have come.
func (l *Logs) find(ctx context.Context, job *actions.Job, due time.Time) (*JobLog, error) {
	parts, err := l.store.JobLog(ctx, job.ID)
	if err != nil {
		return nil, err
	}
	steps, err := l.store.Steps(ctx, job.ID)
	if err != nil {
		return nil, err
	}
	return l.assemble(ctx, job, steps, parts, due)
}

// OpenStep returns the log of a step, as far as it is stored, and its size.
// NotFound means that there is none, and Gone that its bytes are lost.
func (l *Logs) OpenStep(ctx context.Context, job *actions.Job, step string) (io.ReadCloser, int64, error) {
	if step == Notes {
		parts, err := l.store.StepLog(ctx, job.ID, step)
		if err != nil {
			return nil, 0, err
		}
		return l.open(ctx, spansOf(parts))
	}
	log, err := l.Find(ctx, job)
	if err != nil {
		return nil, 0, err
	}
	return log.OpenStep(ctx, step)
}

// OpenJob returns the log of a whole job, as far as it is stored, and its size.
// Errors are those of [Logs.OpenStep].
func (l *Logs) OpenJob(ctx context.Context, job *actions.Job) (io.ReadCloser, int64, error) {
	log, err := l.Find(ctx, job)
	if err != nil {
		return nil, 0, err
	}
	return l.open(ctx, log.text())
}

// OpenStep is [Logs.OpenStep] of one of the job's steps.
func (j *JobLog) OpenStep(ctx context.Context, step string) (io.ReadCloser, int64, error) {
	return j.logs.open(ctx, j.step(step))
}

// step is nil for a step without a log.
func (j *JobLog) step(guid string) []span {
	for _, s := range j.steps {
		if s.step == guid {
			return s.spans
		}
	}
	return nil
}

// text is the log of the job. What was sent as such counts only where no step has sent
// one. It also has the lines before the first step.
func (j *JobLog) text() []span {
	whole := j.counts()
	var text []span
	for _, s := range j.steps {
		if !whole || s.step == Notes {
			text = append(text, s.spans...)
		}
	}
	if whole {
		text = append(text, j.whole...)
	}
	return text
}

// counts says whether the log of the job is what was sent as such.
func (j *JobLog) counts() bool {
	return len(j.whole) > 0 && !slices.ContainsFunc(j.steps, func(s stepLog) bool { return s.own || s.live })
}

// shown are the logs that followers see: of steps, and of the job where there are none.
func (j *JobLog) shown() []stepLog {
	logs := slices.Clone(j.steps)
	ofSteps := slices.ContainsFunc(logs, func(s stepLog) bool { return s.step != Notes && s.step != Preamble })
	whole := len(j.whole) > 0 && !ofSteps
	logs = slices.DeleteFunc(logs, func(s stepLog) bool { return s.step == Notes || whole && s.step == Preamble })
	if whole {
		logs = append(logs, stepLog{step: j.job.GUID, spans: j.whole})
	}
	return logs
}

// assemble makes the log of a job of its parts: that of a step is what was sent as such,
// else the lines that the log of the job has of the step if that was over by due, and a
// last line says so; else what stands in for it.
func (l *Logs) assemble(ctx context.Context, job *actions.Job, steps []*actions.Step, parts []*store.LogPart, due time.Time) (*JobLog, error) {
	j := &JobLog{logs: l, job: job}
	sent := map[string][]*store.LogPart{}
	for _, log := range byStep(parts) {
		sent[log[0].Step] = log
	}
	for step, log := range sent {
		switch of, isLive := strings.CutPrefix(step, standInPrefix); {
		case step == job.GUID:
			j.whole = spansOf(log)
		case !isLive:
			j.steps = append(j.steps, stepLog{step: step, spans: spansOf(log), own: step != Notes && step != Preamble})
		case sent[of] == nil:
			j.steps = append(j.steps, stepLog{step: of, spans: spansOf(log), live: true})
		}
	}
	if err := j.addCuts(ctx, steps, sent, due); err != nil {
		return nil, err
	}
	position := order(steps)
	slices.SortFunc(j.steps, func(a, b stepLog) int {
		return cmp.Or(cmp.Compare(position(a.step), position(b.step)), cmp.Compare(a.step, b.step))
	})
	return j, nil
}

// addCuts adds the logs that are to be cut out of that of the job, and what they have of
// others. sent are parts, by step.
func (j *JobLog) addCuts(ctx context.Context, steps []*actions.Step, sent map[string][]*store.LogPart, due time.Time) error {
	owing := slices.DeleteFunc(slices.Clone(steps), func(s *actions.Step) bool { return !owes(s) || s.CompletedAt.After(due) })
	missing := slices.ContainsFunc(owing, func(s *actions.Step) bool { return sent[s.GUID] == nil })
	if len(j.whole) == 0 || len(owing) == 0 || !missing && !j.holed() {
		return nil
	}
	pieces, err := j.logs.divide(ctx, sent[j.job.GUID], steps, sent)
	if err != nil {
		return err
	}
	for _, s := range owing {
		cut := pieces[s.GUID]
		switch {
		case len(cut) == 0:
		case sent[s.GUID] != nil:
			if err := j.fill(ctx, s, sent[s.GUID], cut); err != nil {
				return err
			}
		default:
			j.steps = slices.DeleteFunc(j.steps, func(log stepLog) bool { return log.step == s.GUID })
			j.steps = append(j.steps, stepLog{step: s.GUID, spans: append(cut, cutNote(s))})
		}
	}
	if cut := pieces[Preamble]; len(cut) > 0 && sent[Preamble] == nil {
		j.steps = append(j.steps, stepLog{step: Preamble, spans: cut})
	}
	return nil
}

// never is later than any step.
var never = time.Unix(1<<40, 0)

// due is by when steps of the job must have been over whose logs should have come.
func (l *Logs) due(job *actions.Job) time.Time {
	if job.Status == actions.Completed {
		return never
	}
	return l.now().Add(-uploadDelay)
}

// owes says whether the log of a step is due: it ran, and is over.
func owes(s *actions.Step) bool {
	return s.Status == actions.Completed && s.Conclusion != actions.Skipped && !s.StartedAt.IsZero()
}

// cutNote is the last line of a log that was cut out of that of the job. As the last,
// it changes the number of no other.
func cutNote(s *actions.Step) span {
	return textSpan(string(wire.AppendLogTime(nil, s.CompletedAt)) + "##[notice]The log of this step did not arrive. These are its lines in the log of the job.\n")
}

// byStep divides the parts of a job by step.
func byStep(parts []*store.LogPart) [][]*store.LogPart {
	var logs [][]*store.LogPart
	for len(parts) > 0 { // sorted by step and part
		n := 1
		for n < len(parts) && parts[n].Step == parts[0].Step {
			n++
		}
		logs = append(logs, parts[:n:n])
		parts = parts[n:]
	}
	return logs
}

// order returns a function that gives the position of a step's log among the logs
// of its job. A step that the runner has not announced comes last.
func order(steps []*actions.Step) func(guid string) int {
	at := make(map[string]int, len(steps)+2)
	for i, s := range steps { // sorted by number
		at[s.GUID] = i
	}
	at[Notes], at[Preamble] = -2, -1
	return func(guid string) int {
		if i, ok := at[guid]; ok {
			return i
		}
		return len(steps)
	}
}
