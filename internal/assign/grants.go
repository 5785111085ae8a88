package assign

import (
	"context"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/token"
	"github.com/understudy-ci/understudy/internal/workflow"
)

// grants are the permissions of the job's GITHUB_TOKEN (PRM-1): the job's own, else
// the workflow's, else those that a new repository has.
func grants(w *workflow.Workflow, j *workflow.Job) map[string]string {
	p := j.Permissions
	if p == nil {
		p = w.Permissions
	}
	if p == nil {
		return map[string]string{"contents": "read", "metadata": "read", "packages": "read"}
	}
	out := make(map[string]string)
	for scope, level := range p.Grants() {
		out[scope] = string(level)
	}
	return out
}

// longestLife is how long a GITHUB_TOKEN is valid at most.
const longestLife = 24 * time.Hour

// saveToken saves the job's GITHUB_TOKEN: from then on it is valid.
func (a *Assigner) saveToken(ctx context.Context, tx *store.Tx, as *assignment) error {
	now := a.now()
	expires := as.end(now)
	if last := now.Add(longestLife); expires.After(last) {
		expires = last
	}
	return tx.SaveJobToken(ctx, &actions.Token{
		AccountID: a.botID, Hash: token.Hash(as.token), RepoID: as.repo.ID, JobID: as.job.ID, Access: as.grants,
		ExpiresAt: expires, CreatedAt: now,
	})
}
