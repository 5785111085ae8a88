package scheduler

import (
	"context"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/plan/contexts"
	"github.com/understudy-ci/understudy/internal/workflow"
)

// refusal says why a run may not begin with the actions and reusable workflows that its
// workflow files name; empty where it may. What those use in turn is looked at when a
// runner asks for it.
func (s *Scheduler) refusal(ctx context.Context, repo *actions.Repository, src *contexts.Source) (string, error) {
	return s.policy.Refusal(ctx, repo, usesOf(src.Workflow, src.Files))
}

// usesOf lists what workflow files use of other repositories, that of the run first.
func usesOf(first *workflow.Workflow, files map[string]*workflow.Workflow) (uses []actions.Use) {
	uses = appendUses(uses, first)
	for path, w := range files {
		if path != first.Path {
			uses = appendUses(uses, w)
		}
	}
	return uses
}

func appendUses(uses []actions.Use, w *workflow.Workflow) []actions.Use {
	for _, j := range w.Jobs {
		if j.Uses != "" && !strings.HasPrefix(j.Uses, "./") {
			uses = append(uses, actions.Use{Name: j.Uses, Workflow: true})
		}
		for _, st := range j.Steps {
			if st.Action != nil && st.Action.Kind == workflow.Repository {
				uses = append(uses, actions.Use{Name: st.Uses})
			}
		}
	}
	return uses
}

// bar concludes an attempt that does not start, for a reason that people are shown.
func (d *draft) bar(why string) {
	d.finish(actions.StartupFailure)
	d.check(noteAt(actions.LevelFailure, why, d.run.Path, workflow.Pos{}))
}
