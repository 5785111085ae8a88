package trigger

import (
	"context"
	"slices"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/scheduler"
	"github.com/understudy-ci/understudy/internal/store"
)

// started is what one push makes: workflows that are new or gone, and runs.
type started struct {
	repo   *actions.Repository
	seen   []seen
	gone   []string // paths that left the default branch
	starts []*scheduler.Start
}

// A seen is a workflow file that the push has brought to a branch or tag.
type seen struct {
	path, name string
	onDefault  bool // the file of the default branch has the last word on the name
}

// see keeps one entry per path.
func (s *started) see(f *file, onDefault bool) {
	w := seen{f.path, f.name(), onDefault}
	i := slices.IndexFunc(s.seen, func(have seen) bool { return have.path == w.path })
	switch {
	case i < 0:
		s.seen = append(s.seen, w)
	case onDefault:
		s.seen[i] = w
	}
}

// save writes what changed of the workflows, and the runs of those that are not
// disabled, and returns how many these are.
func (t *Trigger) save(ctx context.Context, tx *store.Tx, s *started) (int, error) {
	ids, err := t.record(ctx, tx, s)
	if err != nil {
		return 0, err
	}
	runs := 0
	for _, st := range s.starts {
		id, active := ids[st.Run.Path]
		if !active {
			continue
		}
		st.Run.WorkflowID = id
		if err := t.scheduler.Commit(ctx, tx, st); err != nil {
			return 0, err
		}
		runs++
	}
	return runs, nil
}

// record brings the rows of the workflows up to date, and returns the ids of the
// active ones by path. What people have disabled stays so, whatever is pushed.
func (t *Trigger) record(ctx context.Context, tx *store.Tx, s *started) (map[string]int64, error) {
	if len(s.seen)+len(s.gone) == 0 {
		return nil, nil
	}
	list, err := tx.AllWorkflows(ctx, s.repo.ID)
	if err != nil {
		return nil, err
	}
	known := make(map[string]*actions.Workflow, len(list))
	for _, w := range list {
		known[w.Path] = w
	}
	now := t.now()
	save := func(w *actions.Workflow) error {
		known[w.Path], w.UpdatedAt = w, now
		return tx.SaveWorkflow(ctx, w)
	}
	for _, path := range s.gone {
		if w := known[path]; w != nil && w.State == actions.Active {
			w.State = actions.Deleted
			if err := save(w); err != nil {
				return nil, err
			}
		}
	}
	for _, f := range s.seen {
		w := known[f.path]
		if w == nil {
			w = &actions.Workflow{RepoID: s.repo.ID, Path: f.path, CreatedAt: now}
		}
		if f.apply(w) {
			if err := save(w); err != nil {
				return nil, err
			}
		}
	}
	ids := make(map[string]int64, len(known))
	for path, w := range known {
		if w.State == actions.Active {
			ids[path] = w.ID
		}
	}
	return ids, nil
}

// apply changes w as the file demands, and says whether that is a change.
func (f seen) apply(w *actions.Workflow) bool {
	before := *w
	if w.Name == "" || f.onDefault {
		w.Name = f.name
	}
	if w.State != actions.DisabledManually {
		w.State = actions.Active
	}
	return *w != before
}
