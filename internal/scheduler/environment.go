package scheduler

import (
	"context"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

// SaveEnvironment saves the rules of an environment, which is made where it is not
// there. Jobs that deploy to it and that no runner has wait for its rules from now on,
// or for nothing if it has none.
func (s *Scheduler) SaveEnvironment(ctx context.Context, e *actions.Environment) error {
	if err := e.Check(); err != nil {
		return err
	}
	e.CreatedAt = s.now()
	e.UpdatedAt = e.CreatedAt
	if err := s.store.Update(ctx, func(tx *store.Tx) error { return tx.SaveEnvironment(ctx, e) }); err != nil {
		return err
	}
	s.applyRules(ctx, e.RepoID)
	return nil
}

// DeleteEnvironment removes an environment with its rules: its jobs wait for them no
// more.
func (s *Scheduler) DeleteEnvironment(ctx context.Context, repoID int64, name string) error {
	if err := s.store.Update(ctx, func(tx *store.Tx) error { return tx.DeleteEnvironment(ctx, repoID, name) }); err != nil {
		return err
	}
	s.applyRules(ctx, repoID)
	return nil
}

// applyRules plans the runs that have jobs which wait for the rules of an environment
// and would not have to, or do not and should: those of a repository, or all for 0. What
// cannot be planned now, or is being planned with the rules of a moment ago, the next
// look finds: see [Scheduler.Run].
func (s *Scheduler) applyRules(ctx context.Context, repoID int64) {
	const page = 100
	ctx = context.WithoutCancel(ctx)
	for after := int64(0); ; {
		runs, err := s.store.MisjudgedRuns(ctx, repoID, after, page)
		if err != nil {
			s.log.WarnContext(ctx, "rules of environments not applied", "repo", repoID, "err", err)
			return
		}
		for _, id := range runs {
			s.planNow(ctx, id)
			after = id
		}
		if len(runs) < page {
			return
		}
	}
}

// ApplyRules makes the jobs of a run wait for the rules of their environments, where
// they do not yet.
func (s *Scheduler) ApplyRules(ctx context.Context, runID int64) { s.planNow(ctx, runID) }

// readProtection reads which environments have a rule, where a job of the run names one.
func (d *draft) readProtection(ctx context.Context) error {
	if d.protected = nil; !d.deploys() {
		return nil
	}
	list, err := d.s.store.ProtectedEnvironments(ctx, d.run.RepoID)
	if err != nil {
		return err
	}
	d.protected = make(map[string]bool, len(list))
	for _, e := range list {
		d.protected[actions.EnvironmentKey(e.Name)] = true
	}
	return nil
}

func (d *draft) deploys() bool {
	if d.source == nil {
		return false
	}
	for _, file := range d.source.Files {
		for _, j := range file.Jobs {
			if j.Environment != nil {
				return true
			}
		}
	}
	return false
}

// addEnvironments makes the environments that new jobs name and that are not there, as
// GitHub does. All who can start a run may write to its repository.
func (d *draft) addEnvironments(ctx context.Context, tx *store.Tx, made []*actions.Job) error {
	known := make(map[string]bool)
	for _, j := range made {
		key := actions.EnvironmentKey(j.Environment)
		if j.Environment == "" || known[key] {
			continue
		}
		known[key] = true
		e := &actions.Environment{RepoID: j.RepoID, Name: j.Environment, CreatedAt: d.now, UpdatedAt: d.now}
		if _, err := tx.AddEnvironment(ctx, e); err != nil {
			return err
		}
	}
	return nil
}
