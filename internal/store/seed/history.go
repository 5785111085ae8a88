package seed

import (
	"context"
	"fmt"
)

// History copies the run of a repository until there are n more, all completed, each
// with so many jobs. They differ: half of them are by each of the first two accounts and
// of the same half failed, every third is of the event schedule, others of the
// branch main, and those of the schedule of one of a thousand branches. Five have a
// commit in common. So there are runs by the first account and runs that failed, but
// none by it that did; likewise for main and schedule.
func (s *Seed) History(ctx context.Context, repoID int64, n, jobs int) error {
	const first, second = `(select min(id) from accounts)`, `(select min(id) from accounts where id > (select min(id) from accounts))`
	err := s.exec(ctx, `insert into runs (repo_id, workflow_id, number, name, title, path, event, ref, head_branch, head_sha, head_commit,
			actor_id, attempt, triggering_id, status, conclusion, created_at, started_at, updated_at)
		with recursive n(i) as (select 1 union all select i + 1 from n where i < $2)
		select repo_id, workflow_id, number + i, name, title, path,
			case when i % 3 = 0 then 'schedule' else 'push' end, ref,
			case when i % 3 = 0 then 'branch-' || (i % 1000) else 'main' end, 'sha-' || (i / 5), head_commit,
			case when i % 2 = 0 then `+first+` else `+second+` end, attempt, triggering_id,
			'completed', case when i % 2 = 0 then 'success' else 'failure' end, created_at + i, started_at + i, updated_at + i
		from n, runs where repo_id = $1 and number = 1`, repoID, n)
	if err != nil {
		return err
	}
	if err := s.exec(ctx, `delete from run_totals where repo_id = $1`, repoID); err != nil {
		return err
	}
	err = s.exec(ctx, `insert into run_totals (repo_id, workflow_id, conclusion, slot, total)
		select repo_id, workflow_id, '', id % 8, count(*) from runs where repo_id = $1 group by repo_id, workflow_id, id % 8`, repoID)
	if err != nil {
		return err
	}
	for i := range jobs {
		err := s.exec(ctx, `insert into jobs (run_id, repo_id, owner_id, attempt, guid, key, idx, total, name, label_set_id, labels, timeout, cancel_timeout,
				status, conclusion, created_at, queued_at, started_at, completed_at)
			select r.id, r.repo_id, m.owner_id, 1, 'seed-' || r.id || '-`+fmt.Sprint(i)+`', m.key, `+fmt.Sprint(i)+`, `+fmt.Sprint(jobs)+`, m.name, m.label_set_id, m.labels,
				m.timeout, m.cancel_timeout, 'completed', r.conclusion, r.created_at, r.created_at, r.created_at, r.created_at
			from runs r, jobs m where r.repo_id = $1 and r.status = 'completed'
				and m.id = (select min(id) from jobs where repo_id = $1)`, repoID)
		if err != nil {
			return err
		}
	}
	return nil
}
