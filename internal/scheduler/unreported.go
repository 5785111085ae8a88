package scheduler

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/queue"
	"github.com/understudy-ci/understudy/internal/store"
)

// The end of a job is reported with its token. GitHub's runner has one for itself and
// for the steps, so a step can report an end, too. It is taken as it is: nothing in
// the report tells the two apart. What the runner does afterwards, or has not done
// before, may, and then people find a warning beside the job.

const (
	stillRenewed = "its runner went on with the job for more than %.0f seconds after that"
	withoutSteps = "its steps had not ended, or had never been reported"

	maxRenewed = 10_000 // jobs that were renewed after their end
)

// unreported is the warning that a job's end was not reported by its runner.
func unreported(why string) *actions.Annotation {
	a := note(actions.LevelWarning, "Something else that has the token of the job reported how it ended: "+why+
		". GitHub's runner gives the token to every action of a job.")
	a.Title = "The end of this job was not reported by its runner"
	return a
}

// Renewed notes that a job was renewed after its end. A runner that has reported the
// end renews once more at most. Where renewals go on until the server takes none any
// more ([queue.AfterEnd]), another has reported it. One that comes after a silence says
// nothing: the server may have been away since it took the report.
func (s *Scheduler) Renewed(ctx context.Context, j *actions.Job) error {
	if !j.Reported() {
		return nil
	}
	if s.now().Before(j.CompletedAt.Add(queue.AfterEnd)) {
		s.renewed.Put(j.ID, true, 1)
		return nil
	}
	if goesOn, _ := s.renewed.Get(j.ID); !goesOn {
		return nil
	}
	why := fmt.Sprintf(stillRenewed, queue.AfterEnd.Seconds())
	err := s.store.Update(ctx, func(tx *store.Tx) error {
		added, err := tx.Remark(ctx, j, unreported(why))
		if err != nil || !added {
			return err
		}
		repo, err := tx.Repository(ctx, j.RepoID)
		if err != nil {
			return err
		}
		return auditUnreported(ctx, tx, repo, j, why)
	})
	if err != nil {
		return fmt.Errorf("job %d: %w", j.ID, err)
	}
	s.renewed.Remove(j.ID)
	s.log.WarnContext(ctx, "end of a job not reported by its runner", "job", j.ID, "run", j.RunID, "runner", j.RunnerID, "reason", why)
	return nil
}

// auditUnreported writes down what the warning says. The entry is by whoever's request
// showed it.
func auditUnreported(ctx context.Context, tx *store.Tx, repo *actions.Repository, j *actions.Job, why string) error {
	return tx.Audit(ctx, actions.AuditEntry{Action: actions.AuditJobUnreported}.InRepo(repo).
		With("workflow_run_id", strconv.FormatInt(j.RunID, 10)).With("job_id", strconv.FormatInt(j.ID, 10)).
		With("runner_id", strconv.FormatInt(j.RunnerID, 10)).With("reason", why))
}

// unknownSteps says whether a job ends well by a report without steps, although no end
// of its steps is known. Runners name all steps in their report, or have told the
// end of each before.
func unknownSteps(ctx context.Context, tx *store.Tx, r *row) (bool, error) {
	if !r.reported || r.job.Conclusion != actions.Success || len(r.steps) > 0 {
		return false, nil
	}
	list, err := tx.Steps(ctx, r.job.ID)
	open := slices.ContainsFunc(list, func(s *actions.Step) bool { return s.Status != actions.Completed })
	return open || len(list) == 0, err
}
