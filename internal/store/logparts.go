package store

import (
	"context"
	"fmt"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

// A LogPart is an immutable piece of a step's log, or of the whole job's when
// Step is the job's GUID. Parts are read in the order of Part.
type LogPart struct {
	JobID     int64
	Step      string // GUID
	Part      int64
	Blob      string // key in the blob store
	Size      int64  // bytes
	Lines     int64
	CreatedAt time.Time
}

// What is kept beside the log of a job, and goes with it, stands under steps of its own.
// It is no text of the log: only [queries.Diagnostics] and [queries.StepLog] list it.
const (
	DiagnosticsStep = "00000000-0000-0000-0000-000000000002" // what the runner has sent of its own logs
	SubjectsStep    = "00000000-0000-0000-0000-000000000003" // what steps have declared to have made

	others = `('` + DiagnosticsStep + `', '` + SubjectsStep + `')`
)

const logPartColumns = `job_id, step, part, blob, size, lines, created_at`

func scanLogPart(r db.Row) (*LogPart, error) {
	p := new(LogPart)
	return p, r.Scan(&p.JobID, &p.Step, &p.Part, &p.Blob, &p.Size, &p.Lines, db.Time(&p.CreatedAt))
}

// SaveLogPart adds the part or replaces it: a repeated upload never doubles a
// line. The blob that it replaces becomes dead.
func (tx *Tx) SaveLogPart(ctx context.Context, p *LogPart) error {
	if _, err := db.Exec(ctx, tx.ex, `insert into dead_blobs (blob, created_at) select blob, cast($4 as bigint) from log_parts
		where job_id = $1 and step = $2 and part = $3 and blob <> $5 on conflict do nothing`,
		p.JobID, p.Step, p.Part, db.Micros(p.CreatedAt), p.Blob); err != nil {
		return fmt.Errorf("log of job %d: %w", p.JobID, err)
	}
	_, err := db.Exec(ctx, tx.ex, `insert into log_parts (`+logPartColumns+`) values ($1, $2, $3, $4, $5, $6, $7)
		on conflict (job_id, step, part) do update set blob = excluded.blob, size = excluded.size, lines = excluded.lines`,
		p.JobID, p.Step, p.Part, p.Blob, p.Size, p.Lines, db.Micros(p.CreatedAt))
	if err != nil {
		return fmt.Errorf("log of job %d: %w", p.JobID, err)
	}
	return nil
}

// StepLog lists the parts of one step's log in order.
func (q queries) StepLog(ctx context.Context, jobID int64, step string) ([]*LogPart, error) {
	return db.All(ctx, q.ex, scanLogPart, `select `+logPartColumns+` from log_parts where job_id = $1 and step = $2 order by part`, jobID, step)
}

// Diagnostics lists what the runners of an attempt's jobs have sent of their own logs, by
// job.
func (q queries) Diagnostics(ctx context.Context, runID int64, attempt int) ([]*LogPart, error) {
	return db.All(ctx, q.ex, scanLogPart, `select `+prefixed("l", logPartColumns)+` from log_parts l join jobs j on j.id = l.job_id
		where j.run_id = $1 and j.attempt = $2 and l.step = $3 order by l.job_id`, runID, attempt, DiagnosticsStep)
}

// JobLog lists all log parts of a job by step and part.
func (q queries) JobLog(ctx context.Context, jobID int64) ([]*LogPart, error) {
	return db.All(ctx, q.ex, scanLogPart, `select `+logPartColumns+` from log_parts where job_id = $1 and step not in `+others+` order by step, part`, jobID)
}

// LogParts lists the parts of one step's log whose numbers are from first to
// before end, in order.
func (q queries) LogParts(ctx context.Context, jobID int64, step string, first, end int64) ([]*LogPart, error) {
	return db.All(ctx, q.ex, scanLogPart, `select `+logPartColumns+` from log_parts where job_id = $1 and step = $2 and part >= $3 and part < $4 order by part`,
		jobID, step, first, end)
}

// RunLog lists the log parts of all jobs of an attempt by job, step and part;
// attempt 0 stands for all.
func (q queries) RunLog(ctx context.Context, runID int64, attempt int) ([]*LogPart, error) {
	return db.All(ctx, q.ex, scanLogPart, `select `+prefixed("l", logPartColumns)+` from log_parts l join jobs j on j.id = l.job_id
		where j.run_id = $1 and (j.attempt = $2 or $2 = 0) and l.step not in `+others+` order by l.job_id, l.step, l.part`, runID, attempt)
}

// LogSize is how many bytes the log of a job has, and how many parts.
func (q queries) LogSize(ctx context.Context, jobID int64) (bytes, parts int64, err error) {
	sum, err := db.One(ctx, q.ex, func(r db.Row) (s [2]int64, err error) {
		err = r.Scan(&s[0], &s[1])
		return s, err
	}, `select cast(coalesce(sum(size), 0) as bigint), count(*) from log_parts where job_id = $1 and step not in `+others, jobID)
	if err != nil {
		return 0, 0, fmt.Errorf("log of job %d: %w", jobID, err)
	}
	return sum[0], sum[1], nil
}

// DeleteLogs removes the logs of all attempts of a run. Its blobs become dead.
func (tx *Tx) DeleteLogs(ctx context.Context, runID int64, now time.Time) error {
	const mine = ` where job_id in (select id from jobs where run_id = $1)`
	if _, err := db.Exec(ctx, tx.ex, `insert into dead_blobs (blob, created_at) select distinct blob, cast($2 as bigint) from log_parts`+mine+` on conflict do nothing`, runID, db.Micros(now)); err != nil {
		return fmt.Errorf("logs of run %d: %w", runID, err)
	}
	n, err := db.Exec(ctx, tx.ex, `delete from log_parts`+mine, runID)
	if err != nil {
		return fmt.Errorf("logs of run %d: %w", runID, err)
	}
	if n == 0 {
		return actions.Errorf(actions.NotFound, "run %d has no logs", runID)
	}
	return nil
}
