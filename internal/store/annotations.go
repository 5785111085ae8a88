package store

import (
	"context"
	"fmt"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

const annotationColumns = `id, job_id, step_number, path, start_line, end_line, start_column, end_column, level, title, message`

func scanAnnotation(r db.Row) (*actions.Annotation, error) {
	a := new(actions.Annotation)
	return a, r.Scan(&a.ID, &a.JobID, &a.StepNumber, &a.Path, &a.StartLine, &a.EndLine, &a.StartColumn, &a.EndColumn, &a.Level, &a.Title, &a.Message)
}

// CreateAnnotation adds a and sets its id.
func (q queries) CreateAnnotation(ctx context.Context, a *actions.Annotation) error {
	id, err := db.One(ctx, q.ex, db.Value[int64], `insert into annotations
		(job_id, step_number, path, start_line, end_line, start_column, end_column, level, title, message)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) returning id`,
		a.JobID, a.StepNumber, a.Path, a.StartLine, a.EndLine, a.StartColumn, a.EndColumn, a.Level, a.Title, a.Message)
	if err != nil {
		return fmt.Errorf("annotation of job %d: %w", a.JobID, err)
	}
	a.ID = id
	return nil
}

// Remark adds a to a job, beside what its runner reports, unless it has one of the same text, and says
// whether it did.
func (tx *Tx) Remark(ctx context.Context, j *actions.Job, a *actions.Annotation) (added bool, err error) {
	there, err := db.One(ctx, tx.ex, db.Value[int64], `select count(*) from annotations where job_id = $1 and message = $2`, j.ID, a.Message)
	if err != nil || there > 0 {
		return false, err
	}
	a.JobID = j.ID
	tx.Publish(RepoTopic(j.RepoID), RunTopic(j.RunID))
	return true, tx.CreateAnnotation(ctx, a)
}

var annotationList = db.List[*actions.Annotation]{
	Table: `annotations n join jobs j on j.id = n.job_id`, ID: `n.id`, Columns: prefixed("n", annotationColumns), Scan: scanAnnotation,
}.Order(`j.id, n.id`)

// Annotations lists a page of a job's annotations, oldest first, and how many there are.
func (q queries) Annotations(ctx context.Context, jobID int64, p Page) ([]*actions.Annotation, int, error) {
	list, total, err := annotationList.Where(`j.id = ?`, jobID).Page(ctx, q.ex, p)
	if err != nil {
		return nil, 0, fmt.Errorf("annotations of job %d: %w", jobID, err)
	}
	return list, total, nil
}

// RunAnnotations lists a page of the annotations of an attempt by job, oldest first,
// and how many there are.
func (q queries) RunAnnotations(ctx context.Context, runID int64, attempt int, p Page) ([]*actions.Annotation, int, error) {
	list, total, err := annotationList.Where(`j.run_id = ? and j.attempt = ?`, runID, attempt).Page(ctx, q.ex, p)
	if err != nil {
		return nil, 0, fmt.Errorf("annotations of run %d: %w", runID, err)
	}
	return list, total, nil
}
