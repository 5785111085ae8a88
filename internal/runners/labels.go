package runners

import (
	"context"
	"slices"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

// Labels are the labels that a change gives a runner, of those that it has.
type Labels func(has []actions.Label) ([]actions.Label, error)

// AddLabels adds labels to those that a runner has.
func AddLabels(names []string) Labels {
	return func(has []actions.Label) ([]actions.Label, error) {
		for _, name := range names {
			has = append(has, actions.Label{Name: name})
		}
		return has, nil
	}
}

// SetLabels replaces the labels that the runner program has not set itself.
func SetLabels(names []string) Labels {
	return func(has []actions.Label) ([]actions.Label, error) {
		return AddLabels(names)(slices.DeleteFunc(has, func(l actions.Label) bool { return !l.System }))
	}
}

// RemoveLabel removes a label. One that the runner has not is NotFound, and one that the
// runner program has set itself Invalid.
func RemoveLabel(name string) Labels {
	return func(has []actions.Label) ([]actions.Label, error) {
		i := slices.IndexFunc(has, func(l actions.Label) bool { return strings.EqualFold(l.Name, name) })
		switch {
		case i < 0:
			return nil, actions.Errorf(actions.NotFound, "the runner has no label %.100q", name)
		case has[i].System:
			return nil, actions.Errorf(actions.Invalid, "The label %s is read-only", has[i].Name)
		}
		return slices.Delete(has, i, i+1), nil
	}
}

// Relabel changes the labels of a runner of a scope, and returns it as it is then. Jobs
// that wait are looked at again.
func (s *Runners) Relabel(ctx context.Context, sc actions.Scope, id int64, change Labels) (Listed, error) {
	err := s.store.Update(ctx, func(tx *store.Tx) error {
		r, err := tx.Runner(ctx, id)
		if err != nil {
			return err
		}
		if err := inScope(r, sc); err != nil {
			return err
		}
		labels, err := change(slices.Clone(r.Labels))
		if err != nil {
			return err
		}
		r.Labels = actions.CleanLabels(labels)
		if err := r.CheckLabels(); err != nil {
			return err
		}
		return tx.SetRunnerLabels(ctx, r)
	})
	if err != nil {
		return Listed{}, err
	}
	s.release(id) // what it was offered may not fit it any more
	return s.Runner(ctx, sc, id)
}
