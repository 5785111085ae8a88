// Package steps keeps what runners say of the steps of their jobs.
//
// They say it twice. While a job goes on, [Steps.Update] takes the states that
// changed; such news may be lost, and what is older than what is known is left out.
// When it ends, [Finish] takes the final state of all of its steps, which counts.
// Both go through one cleaner ([Clean]), so a step that is reported the same both
// ways is the same row, and is not written twice.
package steps

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

// Bounds of what a runner may say.
const (
	Max       = 2000    // steps of a job
	maxNumber = 1 << 20 // of a step
	maxName   = 1024    // characters
)

// Steps is safe for concurrent use.
type Steps struct{ store *store.Store }

// New makes the service.
func New(st *store.Store) *Steps { return &Steps{st} }

// Clean makes a step that a runner reports fit for a row: an id in its usual
// form, a number and times that can be, a name of one line. A step that is over
// without a conclusion that can be is neutral, and does not end before it began.
// An id that is no [GUID] is Malformed.
func Clean(s *actions.Step) error {
	id, err := GUID(s.GUID)
	if err != nil {
		return err
	}
	s.GUID, s.Number, s.Name = id, min(max(s.Number, 0), maxNumber), line(s.Name)
	s.StartedAt, s.CompletedAt = kept(s.StartedAt), kept(s.CompletedAt)
	if s.Status != actions.Completed {
		s.Conclusion, s.CompletedAt = "", time.Time{}
		return nil
	}
	if s.CompletedAt.Before(s.StartedAt) {
		s.CompletedAt = s.StartedAt
	}
	switch s.Conclusion {
	case actions.Success, actions.Failure, actions.Cancelled, actions.Skipped:
	default:
		s.Conclusion = actions.Neutral
	}
	return nil
}

// GUID is the id of a step, or of a log, as it is kept. Another text is Malformed.
func GUID(text string) (string, error) {
	id, err := uuid.Parse(text)
	if err != nil || len(text) != len(id.String()) {
		return "", actions.Errorf(actions.Malformed, "%.60q is not a GUID", text)
	}
	return id.String(), nil
}

// line is a text in one line that a database can keep.
func line(s string) string {
	return actions.Clip(strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return ' '
		}
		return c
	}, s), maxName)
}

// kept is a time as the store keeps it.
func kept(t time.Time) time.Time { return actions.ClockTime(t).Truncate(time.Microsecond) }

var errTooMany = actions.Errorf(actions.Invalid, "a job has at most %d steps", Max)

// Update takes the states of steps that changed, of a job in progress. order
// grows with each update of the job: an older one does nothing, and so does one
// about a job that is over. It does not wait for the disk. When one cannot be, or
// they are too many, none is taken.
func (s *Steps) Update(ctx context.Context, j *actions.Job, order int64, changed []*actions.Step) error {
	if len(changed) > Max {
		return errTooMany
	}
	for _, step := range changed {
		if err := Clean(step); err != nil {
			return err
		}
	}
	return s.store.UpdateRowsRelaxed(ctx, func(tx *store.Tx) error {
		newer, err := tx.SetStepOrder(ctx, j.ID, order)
		if err != nil || !newer {
			return err
		}
		for _, step := range changed {
			if err := tx.SaveStep(ctx, j, step); err != nil {
				return err
			}
		}
		n, err := tx.CountSteps(ctx, j.ID)
		if err == nil && n > Max {
			err = errTooMany
		}
		return err
	})
}

// Finish writes, in the transaction that ends a job, the final states of its steps
// where they are not known yet. Most are: runners report while they work. A report
// is a job's last word, so a step that cannot be, or is one too many, is only left
// out of it; lost counts them.
func Finish(ctx context.Context, tx *store.Tx, j *actions.Job, final []*actions.Step) (lost int, err error) {
	if len(final) == 0 {
		return 0, nil
	}
	list, err := tx.Steps(ctx, j.ID)
	if err != nil {
		return 0, err
	}
	known := make(map[string]actions.Step, len(list))
	for _, k := range list {
		known[k.GUID] = *k
	}
	for _, step := range final {
		if Clean(step) != nil {
			lost++
			continue
		}
		k, ok := known[step.GUID]
		if !ok && len(known) >= Max {
			lost++
			continue
		}
		step.JobID = j.ID
		if ok && k == *step {
			continue
		}
		if err := tx.SaveStep(ctx, j, step); err != nil {
			return 0, err
		}
		known[step.GUID] = *step
	}
	return lost, nil
}
