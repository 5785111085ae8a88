package logs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/blob"
	"github.com/understudy-ci/understudy/internal/store"
)

const (
	maxSummaries = 256 // of a job
	shownPerJob  = 20  // GitHub shows no more
)

// A Summary is the Markdown that a step wrote about itself. It is as hostile as
// anything that a job prints.
type Summary struct {
	JobID int64
	Step  string // GUID
	Key   string // names the text for [Logs.ReadSummary]; another text has another key
}

// GitHub's runner checks what a step has written, and then hides secrets in it and ends
// its last line. What that adds is a 16th at most, but for summaries full of short
// secrets. It sends nothing, and says so to nobody, where the server's limit is lower than
// what it has: so that is mostSummary times the real one.
const (
	summaryRoom = 16
	mostSummary = 4
)

// keptSummary is how many bytes of a summary are kept.
func (l Limits) keptSummary() int64 { return l.Summary + l.Summary/summaryRoom }

// MostSummary is how many bytes a runner may send as a summary: more than are kept, so
// that the server learns of it.
func (l Limits) MostSummary() int64 { return mostSummary * l.Summary }

// PutSummary keeps the summary of a step; it replaces an earlier one. One of
// more than [Limits].Summary bytes, and a little for what runners add, is Invalid, and the
// run says so: see [Logs.RefuseSummary].
func (l *Logs) PutSummary(ctx context.Context, job *actions.Job, step string, body io.Reader) error {
	n, err := l.store.CountSummaries(ctx, job.ID)
	if err != nil {
		return err
	}
	if n >= maxSummaries {
		return actions.Errorf(actions.TooMany, "job %d has %d summaries already", job.ID, n)
	}
	b, err := l.blobs.Put(ctx, body, blob.PutOptions{Limit: l.limits.keptSummary()})
	if actions.KindOf(err) == actions.Invalid {
		err = errors.Join(err, l.RefuseSummary(ctx, job, step))
	}
	if err != nil {
		return fmt.Errorf("summary of job %d: %w", job.ID, err)
	}
	if b.Size == 0 {
		return l.dropped(ctx, b.Key, nil)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTime)
	defer cancel()
	err = l.store.Update(ctx, func(tx *store.Tx) error {
		tx.Publish(store.RunTopic(job.RunID)) // only its page shows it
		return tx.SaveSummary(ctx, &store.Summary{JobID: job.ID, Step: step, Blob: b.Key, Size: b.Size, CreatedAt: l.now()})
	})
	return l.orphaned(ctx, b.Key, err)
}

// RefuseSummary says on the run that the summary of a step is too large and is not kept.
func (l *Logs) RefuseSummary(ctx context.Context, job *actions.Job, step string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTime)
	defer cancel()
	return l.store.Update(ctx, func(tx *store.Tx) error {
		steps, err := tx.Steps(ctx, job.ID)
		if err != nil {
			return err
		}
		note := &actions.Annotation{Path: ".github", StartLine: 1, EndLine: 1, Level: actions.LevelFailure}
		name := "a step"
		if i := slices.IndexFunc(steps, func(s *actions.Step) bool { return s.GUID == step }); i >= 0 {
			note.StepNumber, name = steps[i].Number, fmt.Sprintf("step %d (%s)", steps[i].Number, steps[i].Name)
		}
		note.Message = fmt.Sprintf("The summary of %s is not kept: $GITHUB_STEP_SUMMARY supports content up to a size of %dk.", name, l.limits.Summary>>10)
		_, err = tx.Remark(ctx, job, note)
		return err
	})
}

// Summaries lists those of an attempt in the order of jobs and steps: the first
// twenty of each job.
func (l *Logs) Summaries(ctx context.Context, runID int64, attempt int) ([]Summary, error) {
	rows, err := l.store.Summaries(ctx, runID, attempt)
	if err != nil {
		return nil, err
	}
	var list []Summary
	perJob := map[int64]int{}
	for _, row := range rows {
		if perJob[row.JobID]++; perJob[row.JobID] <= shownPerJob {
			list = append(list, Summary{JobID: row.JobID, Step: row.Step, Key: row.Blob})
		}
	}
	return list, nil
}

// ReadSummary reads the text of a summary, which is UTF-8. It is NotFound when the
// summary was replaced or deleted meanwhile.
func (l *Logs) ReadSummary(ctx context.Context, key string) (text string, err error) {
	o, err := l.blobs.Open(ctx, key)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	b, err := io.ReadAll(io.LimitReader(o, l.limits.keptSummary()))
	return strings.ToValidUTF8(strings.TrimPrefix(string(b), mark), "\uFFFD"), err
}
