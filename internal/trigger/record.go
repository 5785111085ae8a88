package trigger

import (
	"context"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/event"
	"github.com/understudy-ci/understudy/internal/store"
)

// register brings the rows of the workflows, and their schedules, up to date with the files of the
// default branch; gone are paths that it no longer has. A disabled workflow stays
// disabled, whatever is pushed. If the intent of the push has ended, nothing changes,
// since later pushes have been registered. Until then register may run again, so its
// writes need not be on disk before the intent ends.
func (t *Trigger) register(ctx context.Context, p *actions.Push, files []*file, gone []string) error {
	known, err := t.store.AllWorkflows(ctx, p.RepoID)
	if err != nil {
		return err
	}
	lines, err := t.store.Schedules(ctx, p.RepoID)
	if err != nil {
		return err
	}
	wanted := scheduled(p, files)
	if len(outdated(p.RepoID, known, files, gone, t.now())) == 0 && len(misses(lines, wanted)) == 0 && len(misses(wanted, lines)) == 0 {
		return nil
	}
	return t.store.UpdateRelaxed(ctx, func(tx *store.Tx) error {
		if open, err := tx.HasPush(ctx, p.ID); err != nil || !open {
			return err
		}
		known, err := tx.AllWorkflows(ctx, p.RepoID)
		if err != nil {
			return err
		}
		for _, w := range outdated(p.RepoID, known, files, gone, t.now()) {
			if err := tx.SaveWorkflow(ctx, w); err != nil {
				return err
			}
		}
		return t.reschedule(ctx, tx, p.RepoID, wanted)
	})
}

// outdated returns the rows that must change to match the files of the default
// branch, new ones included, as they should be.
func outdated(repoID int64, known []*actions.Workflow, files []*file, gone []string, now time.Time) []*actions.Workflow {
	rows := make(map[string]*actions.Workflow, len(known))
	for _, w := range known {
		rows[w.Path] = w
	}
	var list []*actions.Workflow
	for _, path := range gone {
		if w := rows[path]; w != nil && w.State == actions.Active {
			w.State, w.UpdatedAt = actions.Deleted, now
			list = append(list, w)
		}
	}
	for _, f := range files {
		w := rows[f.path]
		if w == nil {
			w = &actions.Workflow{RepoID: repoID, Path: f.path, CreatedAt: now}
		}
		before := *w
		w.Name, w.Events = f.name(), f.events()
		f.found(w)
		if *w != before {
			w.UpdatedAt = now
			list = append(list, w)
		}
	}
	return list
}

// events are the names of the events that may start the workflow, with a space before and
// after each.
func (f *file) events() string {
	names := []string{""}
	if f.workflow != nil {
		for _, on := range f.workflow.On {
			names = append(names, on.Name)
		}
	}
	return strings.Join(names, " ") + " "
}

// found notes in w that its file is there. The name is that of the default branch,
// if it has been there.
func (f *file) found(w *actions.Workflow) {
	if w.Name == "" {
		w.Name = f.name()
	}
	if w.State != actions.DisabledManually && w.State != actions.DisabledInactivity {
		w.State = actions.Active
	}
}

// record returns the row of a workflow that an event is to start. One that the
// event asks for by name must be there and active; any other is made, or is back,
// with its file.
func (t *Trigger) record(ctx context.Context, tx *store.Tx, e *event.Event, f *file) (*actions.Workflow, error) {
	w, err := tx.WorkflowByPath(ctx, e.Repo.ID, f.path)
	if e.Workflow != "" {
		if err == nil {
			err = enabled(w, e.Name)
		}
		return w, err
	}
	if actions.KindOf(err) == actions.NotFound {
		w, err = &actions.Workflow{RepoID: e.Repo.ID, Path: f.path, CreatedAt: t.now()}, nil
	}
	if err != nil {
		return nil, err
	}
	before := *w
	if f.found(w); *w == before {
		return w, nil
	}
	w.UpdatedAt = t.now()
	return w, tx.SaveWorkflow(ctx, w)
}

// enabled refuses an event that asks for a disabled workflow.
func enabled(w *actions.Workflow, name string) error {
	if w.State != actions.Active {
		return actions.Errorf(actions.Invalid, "Cannot trigger a '%s' on a disabled workflow", name)
	}
	return nil
}
