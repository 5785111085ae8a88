package gitrepo

import (
	"context"
	"fmt"
	"maps"

	"github.com/understudy-ci/understudy/internal/actions"
)

// RefuseWorkflows refuses, with a [Refusal], updates that would create or change a
// workflow file, in the words that GitHub puts beside each ref. app says that who pushes
// acts for a GitHub App, as jobs do, and not by a personal token.
func (v *View) RefuseWorkflows(ctx context.Context, updates []actions.RefUpdate, app bool) error {
	reasons := map[string]string{}
	for _, u := range updates {
		file, err := v.WorkflowFilesTouched(ctx, []actions.RefUpdate{u})
		switch {
		case err != nil:
			return err
		case file != "" && app:
			reasons[u.Ref] = fmt.Sprintf("refusing to allow a GitHub App to create or update workflow `%s` without `workflows` permission", file)
		case file != "":
			reasons[u.Ref] = fmt.Sprintf("refusing to allow a Personal Access Token to create or update workflow `%s` without `workflow` scope", file)
		}
	}
	if len(reasons) > 0 {
		return &Refusal{Reasons: reasons}
	}
	return nil
}

// WorkflowFilesTouched returns a workflow file that the updates would create or
// change, "" if there is none: a file at the tip of an updated ref that no
// branch has at that path with that content. It is for a [ReceiveOptions]
// Check, while the refs stand where they were.
func (v *View) WorkflowFilesTouched(ctx context.Context, updates []actions.RefUpdate) (string, error) {
	fresh := map[Entry]bool{}
	for _, u := range updates {
		if u.Deleted() {
			continue
		}
		now, err := v.workflowFiles(ctx, u.After)
		if err != nil {
			return "", err
		}
		if len(now) > 0 && !u.Created() {
			if err := v.forget(ctx, now, u.Before); err != nil {
				return "", err
			}
		}
		maps.Copy(fresh, now)
	}
	if len(fresh) == 0 {
		return "", nil
	}
	branches, err := v.Refs(ctx, actions.BranchPrefix)
	if err != nil {
		return "", err
	}
	for _, b := range branches {
		if err := v.forget(ctx, fresh, b.SHA); err != nil {
			return "", err
		}
		if len(fresh) == 0 {
			return "", nil
		}
	}
	first := ""
	for e := range fresh {
		if first == "" || e.Name < first {
			first = e.Name
		}
	}
	return actions.WorkflowPath(first), nil
}

// forget removes from files those that commit sha has as they are.
func (v *View) forget(ctx context.Context, files map[Entry]bool, sha string) error {
	known, err := v.workflowFiles(ctx, sha)
	for e := range known {
		delete(files, e)
	}
	return err
}

// workflowFiles is what a commit has in the directory of workflows; nothing if
// sha is no commit.
func (v *View) workflowFiles(ctx context.Context, sha string) (map[Entry]bool, error) {
	files := map[Entry]bool{}
	_, entries, err := v.tree(ctx, sha+"^{commit}:"+actions.WorkflowDir)
	if err != nil {
		if actions.KindOf(err) == actions.NotFound {
			return files, nil
		}
		return nil, err
	}
	for _, e := range entries {
		files[e] = true
	}
	return files, nil
}
