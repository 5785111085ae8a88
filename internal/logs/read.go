package logs

import (
	"context"
	"errors"
	"io"
	"slices"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/blob"
	"github.com/understudy-ci/understudy/internal/store"
)

// Preamble stands for the step of lines that a runner prints before the first
// step. It is no GUID of any step.
const Preamble = "00000000-0000-0000-0000-000000000000"

// OpenStep returns the log of a step, as far as it is stored, and its size.
// NotFound means that there is none, and Gone that its bytes are lost.
func (l *Logs) OpenStep(ctx context.Context, job *actions.Job, step string) (io.ReadCloser, int64, error) {
	parts, err := l.store.StepLog(ctx, job.ID, step)
	if err != nil {
		return nil, 0, err
	}
	return l.open(ctx, parts)
}

// OpenJob returns the log of a whole job, as far as it is stored, and its size.
// Errors are those of [Logs.OpenStep].
func (l *Logs) OpenJob(ctx context.Context, job *actions.Job) (io.ReadCloser, int64, error) {
	parts, err := l.store.JobLog(ctx, job.ID)
	if err != nil {
		return nil, 0, err
	}
	steps, err := l.store.Steps(ctx, job.ID)
	if err != nil {
		return nil, 0, err
	}
	return l.open(ctx, jobLog(job, steps, parts))
}

// jobLog is which of a job's parts make its log, in order.
func jobLog(job *actions.Job, steps []*actions.Step, parts []*store.LogPart) []*store.LogPart {
	return slices.Concat(counted(job, byStep(steps, parts))...)
}

// counted are those of the logs of a job that make its log. What was sent as the log of
// the job counts only where there is none of a step. It also has the lines before the
// first step.
func counted(job *actions.Job, logs [][]*store.LogPart) [][]*store.LogPart {
	steps, whole := false, false
	for _, log := range logs {
		switch log[0].Step {
		case job.GUID:
			whole = true
		case Notes, Preamble:
		default:
			steps = true
		}
	}
	return slices.DeleteFunc(logs, func(log []*store.LogPart) bool {
		return steps && log[0].Step == job.GUID || !steps && whole && log[0].Step == Preamble
	})
}

// of is the parts of one step.
func of(parts []*store.LogPart, step string) (own []*store.LogPart) {
	for _, p := range parts {
		if p.Step == step {
			own = append(own, p)
		}
	}
	return own
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

func (l *Logs) open(ctx context.Context, parts []*store.LogPart) (io.ReadCloser, int64, error) {
	if len(parts) == 0 {
		return nil, 0, actions.Errorf(actions.NotFound, "there is no log")
	}
	r := &reader{ctx: ctx, blobs: l.blobs, parts: parts}
	if err := r.next(); err != nil {
		return nil, 0, err
	}
	return r, sizeOf(parts), nil
}

func sizeOf(parts []*store.LogPart) (size int64) {
	for _, p := range parts {
		size += p.Size
	}
	return size
}

// A reader reads parts one after the other, and has one of them open.
type reader struct {
	ctx   context.Context // of the one caller that made it
	blobs blob.Store
	parts []*store.LogPart // still to be opened
	open  blob.Object      // nil before the first and after the last
}

// next opens the next part, io.EOF if there is none.
func (r *reader) next() error {
	if err := r.Close(); err != nil {
		return err
	}
	if len(r.parts) == 0 {
		return io.EOF
	}
	p := r.parts[0]
	o, err := r.blobs.Open(r.ctx, p.Blob)
	switch {
	case actions.KindOf(err) == actions.NotFound:
		return actions.Errorf(actions.Gone, "part %d of the log of job %d is lost", p.Part, p.JobID)
	case err != nil:
		return err
	}
	r.parts, r.open = r.parts[1:], o
	return nil
}

// Read implements [io.Reader].
func (r *reader) Read(p []byte) (int, error) {
	for {
		if r.open == nil {
			return 0, io.EOF
		}
		n, err := r.open.Read(p)
		if !errors.Is(err, io.EOF) {
			return n, err
		}
		if err := r.next(); err != nil || n > 0 {
			return n, err
		}
	}
}

// WriteTo implements [io.WriterTo], so that a part that is a file goes to a
// connection without passing through here.
func (r *reader) WriteTo(w io.Writer) (total int64, err error) {
	for r.open != nil {
		n, err := io.Copy(w, r.open)
		total += n
		if err != nil {
			return total, err
		}
		if err := r.next(); err != nil && !errors.Is(err, io.EOF) {
			return total, err
		}
	}
	return total, nil
}

// Close implements [io.Closer].
func (r *reader) Close() error {
	if r.open == nil {
		return nil
	}
	o := r.open
	r.open = nil
	return o.Close()
}
