package store

import (
	"context"
	"fmt"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

const runColumns = `id, repo_id, workflow_id, number, name, title, path, event, ref, head_branch, head_sha, head_commit, attempt, status, conclusion, created_at, started_at, updated_at, revision, sha, from_fork, head_repo_id, chain`

const runAccounts = `join accounts a on a.id = r.actor_id join accounts t on t.id = r.triggering_id`

var (
	runSelected = prefixed("r", runColumns) + `, ` + prefixed("a", accountColumns) + `, ` + prefixed("t", accountColumns)
	runSelect   = `select ` + runSelected + ` from runs r ` + runAccounts
)

func scanRun(row db.Row) (*actions.Run, error) {
	r := new(actions.Run)
	fields := []any{
		&r.ID, &r.RepoID, &r.WorkflowID, &r.Number, &r.Name, &r.Title, &r.Path, &r.Event, &r.Ref, &r.HeadBranch, &r.HeadSHA,
		db.JSON(&r.HeadCommit),
		&r.Attempt, &r.Status, &r.Conclusion,
		db.Time(&r.CreatedAt),
		db.Time(&r.StartedAt),
		db.Time(&r.UpdatedAt),
		&r.Revision, &r.SHA,
		db.Bool(&r.FromFork),
		&r.HeadRepoID, &r.Chain,
	}
	fields = append(fields, accountFields(&r.Actor)...)
	err := row.Scan(append(fields, accountFields(&r.Triggering)...)...)
	r.Settle()
	return r, err
}

// CreateRun adds r with its first attempt, and sets its id and its number, the
// next of its workflow.
func (tx *Tx) CreateRun(ctx context.Context, r *actions.Run, a *actions.Attempt, src *actions.RunSource) error {
	r.Settle()
	sha, fork := r.SHA, int64(0)
	if sha == r.HeadSHA {
		sha = ""
	}
	if r.FromFork {
		fork = r.HeadRepoID
	}
	n, err := tx.nextRunNumber(ctx, r.WorkflowID)
	if err != nil {
		return err
	}
	id, err := db.One(ctx, tx.ex, db.Value[int64], `insert into runs
		(repo_id, workflow_id, number, name, title, path, event, ref, head_branch, head_sha, head_commit, actor_id, attempt,
		 triggering_id, status, conclusion, created_at, started_at, updated_at, sha, from_fork, head_repo_id, chain)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23) returning id`,
		r.RepoID, r.WorkflowID, n, r.Name, r.Title, r.Path, r.Event, r.Ref, r.HeadBranch, r.HeadSHA, db.Text(r.HeadCommit), r.Actor.ID, r.Attempt,
		r.Triggering.ID, r.Status, r.Conclusion, db.Micros(r.CreatedAt), db.Micros(r.StartedAt), db.Micros(r.UpdatedAt),
		sha, db.Flag(r.FromFork), fork, r.Chain)
	if err != nil {
		return fmt.Errorf("run %d of workflow %d: %w", n, r.WorkflowID, err)
	}
	r.ID, r.Number = id, n
	if err := tx.countRun(ctx, r.ID, 1); err != nil {
		return err
	}
	a.RunID, src.RunID = r.ID, r.ID
	tx.Publish(RepoTopic(r.RepoID), RunTopic(r.ID))
	if err := tx.CreateAttempt(ctx, a); err != nil {
		return err
	}
	return tx.createRunSource(ctx, src)
}

// Run returns the run with the given id.
func (q queries) Run(ctx context.Context, id int64) (*actions.Run, error) {
	r, err := db.One(ctx, q.ex, scanRun, runSelect+` where r.id = $1`, id)
	if err != nil {
		return nil, fmt.Errorf("run %d: %w", id, err)
	}
	return r, nil
}

// RepoRun returns the run of a repository with the given id.
func (q queries) RepoRun(ctx context.Context, repoID, id int64) (*actions.Run, error) {
	r, err := db.One(ctx, q.ex, scanRun, runSelect+` where r.id = $1 and r.repo_id = $2`, id, repoID)
	if err != nil {
		return nil, fmt.Errorf("run %d: %w", id, err)
	}
	return r, nil
}

// UpdateRun saves what changes in a run's life: title, attempt, who triggered
// it, status, conclusion and times.
func (tx *Tx) UpdateRun(ctx context.Context, r *actions.Run) error {
	tx.Publish(RepoTopic(r.RepoID), RunTopic(r.ID))
	_, err := db.Exec(ctx, tx.ex, `update runs set title = $2, attempt = $3, triggering_id = $4, status = $5, conclusion = $6, started_at = $7, updated_at = $8 where id = $1`,
		r.ID, r.Title, r.Attempt, r.Triggering.ID, r.Status, r.Conclusion, db.Micros(r.StartedAt), db.Micros(r.UpdatedAt))
	if err != nil {
		return fmt.Errorf("run %d: %w", r.ID, err)
	}
	return nil
}

// BeginRun marks the run of job j, and the attempt, as in progress if the job is
// of its current attempt and it is not yet, and says whether it did.
func (tx *Tx) BeginRun(ctx context.Context, j *actions.Job, now time.Time) (bool, error) {
	n, err := db.Exec(ctx, tx.ex, `update runs set status = 'in_progress', updated_at = $3
		where id = $1 and attempt = $2 and status not in ('in_progress', 'completed')`, j.RunID, j.Attempt, db.Micros(now))
	if err == nil && n > 0 {
		tx.Publish(RepoTopic(j.RepoID), RunTopic(j.RunID))
		_, err = db.Exec(ctx, tx.ex, `update attempts set status = 'in_progress' where run_id = $1 and number = $2`, j.RunID, j.Attempt)
	}
	if err != nil {
		return false, fmt.Errorf("run %d: %w", j.RunID, err)
	}
	return n > 0, nil
}

// DeleteRun removes a run with all that hangs on it. Its blobs become dead.
func (tx *Tx) DeleteRun(ctx context.Context, repoID, id int64, now time.Time) error {
	tx.Publish(RepoTopic(repoID), RunTopic(id), DeletedTopic())
	for _, table := range []string{"log_parts", "summaries"} {
		if _, err := db.Exec(ctx, tx.ex, `insert into dead_blobs (blob, created_at) select distinct blob, cast($2 as bigint) from `+table+`
			where job_id in (select id from jobs where run_id = $1 and repo_id = $3) on conflict do nothing`, id, db.Micros(now), repoID); err != nil {
			return fmt.Errorf("run %d: %w", id, err)
		}
	}
	if err := tx.deleteRunArtifacts(ctx, repoID, id); err != nil {
		return fmt.Errorf("artifacts of run %d: %w", id, err)
	}
	texts, err := db.All(ctx, tx.ex, db.Value[[]byte], `select s.workflow from run_sources s join runs r on r.id = s.run_id where r.id = $1 and r.repo_id = $2
		union select s.payload_text from run_sources s join runs r on r.id = s.run_id where r.id = $1 and r.repo_id = $2 and s.payload_text is not null`, id, repoID)
	if err == nil {
		err = tx.countRun(ctx, id, -1)
	}
	if err == nil {
		err = db.ExecOne(ctx, tx.ex, `delete from runs where id = $1 and repo_id = $2`, id, repoID)
	}
	for _, hash := range texts {
		if err == nil {
			_, err = db.Exec(ctx, tx.ex, `delete from texts where hash = $1 and `+noRunHasText, hash)
		}
	}
	if err != nil {
		return fmt.Errorf("run %d: %w", id, err)
	}
	return nil
}

// RunHeads says which of some commits are those of runs of a repository: their heads, and
// those whose workflow files they have.
func (q queries) RunHeads(ctx context.Context, repoID int64, shas []string) ([]string, error) {
	var heads []string
	for args, marks := range db.Batches(shas, repoID) {
		for _, text := range []string{
			`select distinct head_sha from runs where repo_id = $1 and head_sha in (` + marks + `)`,
			`select distinct sha from runs where repo_id = $1 and sha <> '' and sha in (` + marks + `)`,
		} {
			found, err := db.All(ctx, q.ex, db.Value[string], text, args...)
			if err != nil {
				return nil, fmt.Errorf("commits of runs: %w", err)
			}
			heads = append(heads, found...)
		}
	}
	return heads, nil
}
