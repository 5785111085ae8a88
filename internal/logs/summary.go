package logs

import (
	"context"
	"errors"
	"fmt"
	"io"
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

// PutSummary keeps the summary of a step; it replaces an earlier one. One of
// more than [Limits].Summary bytes is Invalid.
func (l *Logs) PutSummary(ctx context.Context, job *actions.Job, step string, body io.Reader) error {
	n, err := l.store.CountSummaries(ctx, job.ID)
	if err != nil {
		return err
	}
	if n >= maxSummaries {
		return actions.Errorf(actions.TooMany, "job %d has %d summaries already", job.ID, n)
	}
	b, err := l.blobs.Put(ctx, body, blob.PutOptions{Limit: l.limits.Summary})
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
	b, err := io.ReadAll(io.LimitReader(o, l.limits.Summary))
	return strings.ToValidUTF8(strings.TrimPrefix(string(b), mark), "\uFFFD"), err
}
