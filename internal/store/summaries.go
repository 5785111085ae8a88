package store

import (
	"context"
	"fmt"
	"time"

	"github.com/understudy-ci/understudy/internal/store/db"
)

// A Summary is what a step wrote to GITHUB_STEP_SUMMARY.
type Summary struct {
	JobID     int64
	Step      string // GUID
	Blob      string
	Size      int64
	CreatedAt time.Time
}

func scanSummary(r db.Row) (*Summary, error) {
	s := new(Summary)
	return s, r.Scan(&s.JobID, &s.Step, &s.Blob, &s.Size, db.Time(&s.CreatedAt))
}

// SaveSummary adds or replaces a step's summary.
func (tx *Tx) SaveSummary(ctx context.Context, s *Summary) error {
	if _, err := db.Exec(ctx, tx.ex, `insert into dead_blobs (blob, created_at) select blob, cast($3 as bigint) from summaries
		where job_id = $1 and step = $2 and blob <> $4 on conflict do nothing`, s.JobID, s.Step, db.Micros(s.CreatedAt), s.Blob); err != nil {
		return fmt.Errorf("summary of job %d: %w", s.JobID, err)
	}
	_, err := db.Exec(ctx, tx.ex, `insert into summaries (job_id, step, blob, size, created_at) values ($1, $2, $3, $4, $5)
		on conflict (job_id, step) do update set blob = excluded.blob, size = excluded.size`, s.JobID, s.Step, s.Blob, s.Size, db.Micros(s.CreatedAt))
	if err != nil {
		return fmt.Errorf("summary of job %d: %w", s.JobID, err)
	}
	return nil
}

// Summaries lists the summaries of an attempt in the order of jobs and steps. That of
// a step which is no entry of the job is of one inside of an action: it goes with the
// step that ran when it came.
func (q queries) Summaries(ctx context.Context, runID int64, attempt int) ([]*Summary, error) {
	return db.All(ctx, q.ex, scanSummary, `select u.job_id, u.step, u.blob, u.size, u.created_at from summaries u
		join jobs j on j.id = u.job_id left join steps s on s.job_id = u.job_id and s.guid = u.step
		where j.run_id = $1 and j.attempt = $2 order by u.job_id, coalesce(s.number, (select max(o.number) from steps o
		where o.job_id = u.job_id and o.started_at > 0 and o.started_at <= u.created_at), 0), u.created_at`, runID, attempt)
}

// CountSummaries counts the summaries of a job.
func (q queries) CountSummaries(ctx context.Context, jobID int64) (int64, error) {
	return db.One(ctx, q.ex, db.Value[int64], `select count(*) from summaries where job_id = $1`, jobID)
}
