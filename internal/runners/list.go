package runners

import (
	"context"
	"slices"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

// A Listed is a runner as people see it.
type Listed struct {
	*actions.Runner
	Busy     bool    // it holds a job
	LabelIDs []int64 // the numbers of its labels
}

// List lists a page of the runners of exactly one scope, by id, and how many
// there are. A name that is not empty narrows to the runner of that name.
func (s *Runners) List(ctx context.Context, sc actions.Scope, name string, p store.Page) ([]Listed, int, error) {
	rs, total, err := s.store.Runners(ctx, sc, name, p)
	if err != nil {
		return nil, 0, err
	}
	list, err := s.listed(ctx, rs...)
	return list, total, err
}

// Runner returns a runner of a scope. One of another scope is NotFound.
func (s *Runners) Runner(ctx context.Context, sc actions.Scope, id int64) (Listed, error) {
	r, err := s.store.Runner(ctx, id)
	if err != nil {
		return Listed{}, err
	}
	if err := inScope(r, sc); err != nil {
		return Listed{}, err
	}
	list, err := s.listed(ctx, r)
	if err != nil {
		return Listed{}, err
	}
	return list[0], nil
}

func (s *Runners) listed(ctx context.Context, rs ...*actions.Runner) ([]Listed, error) {
	ids, list := make([]int64, len(rs)), make([]Listed, len(rs))
	for i, r := range rs {
		ids[i] = r.ID
	}
	busy, err := s.store.BusyRunners(ctx, ids)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, r := range rs {
		for _, l := range r.Labels {
			names = append(names, l.Name)
		}
	}
	slices.Sort(names)
	numbers, err := s.store.LabelIDs(ctx, slices.Compact(names))
	if err != nil {
		return nil, err
	}
	for i, r := range rs {
		list[i] = Listed{r, busy[r.ID], make([]int64, len(r.Labels))}
		for k, l := range r.Labels {
			list[i].LabelIDs[k] = numbers[strings.ToLower(l.Name)]
		}
	}
	return list, nil
}

// OfGroup lists a page of the runners of a group, by id, and how many there are.
func (s *Runners) OfGroup(ctx context.Context, g *actions.RunnerGroup, p store.Page) ([]Listed, int, error) {
	rs, total, err := s.store.GroupRunners(ctx, g, p)
	if err != nil {
		return nil, 0, err
	}
	list, err := s.listed(ctx, rs...)
	return list, total, err
}

func inScope(r *actions.Runner, sc actions.Scope) error {
	if r.Scope != sc {
		return actions.Errorf(actions.NotFound, "runner %d", r.ID)
	}
	return nil
}

// Remove removes a runner of a scope, with its session. One that holds a job
// stays, which is Invalid.
func (s *Runners) Remove(ctx context.Context, sc actions.Scope, id int64) error {
	err := s.store.Update(ctx, func(tx *store.Tx) error {
		r, err := tx.Runner(ctx, id)
		if err != nil {
			return err
		}
		if err := inScope(r, sc); err != nil {
			return err
		}
		job, err := tx.RunnerJob(ctx, id)
		if err == nil {
			return actions.Errorf(actions.Invalid, "Bad request - Runner %q is still running a job (%d)", r.Name, job.ID)
		}
		if actions.KindOf(err) != actions.NotFound {
			return err
		}
		return tx.DeleteRunner(ctx, id)
	})
	if err != nil {
		return err
	}
	s.release(id)
	return nil
}
