package logs

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/blob"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/wire"
)

// maxSubjects is more bytes than the subjects of a job have as JSON, where each byte of a
// name may become six.
const maxSubjects = actions.MaxSubjects * 8 << 10

// PutSubjects keeps what the runner of a job says that its steps have declared; it
// replaces an earlier list, and goes with the logs of the run. What is beyond
// [actions.MaxSubjects], or cannot be, is left out.
func (l *Logs) PutSubjects(ctx context.Context, job *actions.Job, list []actions.Subject) error {
	var kept []wire.Subject
	for _, s := range list {
		if s.Check() == nil && len(kept) < actions.MaxSubjects {
			kept = append(kept, wire.Subject(s))
		}
	}
	if len(kept) == 0 {
		return nil
	}
	text, err := json.Marshal(kept)
	if err != nil {
		return fmt.Errorf("subjects of job %d: %w", job.ID, err)
	}
	return l.putOther(ctx, job, store.SubjectsStep, bytes.NewReader(text), maxSubjects)
}

// Subjects are those that were kept of a job. There are none once its logs are deleted.
func (l *Logs) Subjects(ctx context.Context, job *actions.Job) (list []actions.Subject, err error) {
	parts, err := l.store.StepLog(ctx, job.ID, store.SubjectsStep)
	if err != nil || len(parts) == 0 {
		return nil, err
	}
	o, err := l.blobs.Open(ctx, parts[0].Blob)
	if err != nil {
		return nil, fmt.Errorf("subjects of job %d: %w", job.ID, err)
	}
	defer o.Close()
	var kept []wire.Subject
	if err := json.NewDecoder(io.LimitReader(o, maxSubjects)).Decode(&kept); err != nil {
		return nil, fmt.Errorf("subjects of job %d: %w", job.ID, err)
	}
	for _, s := range kept {
		list = append(list, actions.Subject(s))
	}
	return list, nil
}

// putOther keeps what is beside the log of a job, under a step that stands for it.
func (l *Logs) putOther(ctx context.Context, job *actions.Job, step string, body io.Reader, limit int64) error {
	b, err := l.blobs.Put(ctx, body, blob.PutOptions{Limit: limit})
	if err != nil {
		return err
	}
	if b.Size == 0 {
		return l.dropped(ctx, b.Key, nil)
	}
	p := &store.LogPart{JobID: job.ID, Step: step, Part: 1, Blob: b.Key, Size: b.Size, CreatedAt: l.now()}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTime)
	defer cancel()
	err = l.store.UpdateRows(ctx, func(tx *store.Tx) error { return tx.SaveLogPart(ctx, p) })
	return l.orphaned(ctx, p.Blob, err)
}
