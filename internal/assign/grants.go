package assign

import (
	"context"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/settings"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/token"
	"github.com/understudy-ci/understudy/internal/workflow"
)

// grants are the permissions of the job's GITHUB_TOKEN (PRM-1): the job's own, else
// the workflow's, else the default of the repository. That is no ceiling: on GitHub, too,
// a file may ask for more.
func grants(w *workflow.Workflow, j *workflow.Job, byDefault settings.Access) map[string]string {
	p := j.Permissions
	if p == nil {
		p = w.Permissions
	}
	switch {
	case p == nil && byDefault == settings.WriteAccess:
		return permissive()
	case p == nil:
		return map[string]string{"contents": "read", "metadata": "read", "packages": "read"}
	}
	out := make(map[string]string)
	for scope, level := range p.Grants() {
		out[scope] = string(level)
	}
	return out
}

// lowered are grants as a run has them that does what a fork says (PRM-1): it reads what it
// would write, unless the repository lets it write, and is nobody to others.
func lowered(grants map[string]string, writes bool) map[string]string {
	out := make(map[string]string)
	for scope, level := range grants {
		switch {
		case scope == "id-token":
		case level == "write" && !writes:
			out[scope] = "read"
		default:
			out[scope] = level
		}
	}
	return out
}

// permissive is what GitHub's table of default access says for the permissive default
// (PRM-4): no token for others (id-token), and nothing that the table does not name.
func permissive() map[string]string {
	out := map[string]string{"metadata": "read", "models": "read"}
	for _, scope := range []string{
		"actions", "attestations", "checks", "contents", "deployments", "discussions", "issues", "packages", "pages", "pull-requests",
		"repository-projects", "security-events", "statuses",
	} {
		out[scope] = "write"
	}
	return out
}

// longestLife is how long a GITHUB_TOKEN is valid at most.
const longestLife = 24 * time.Hour

// saveToken makes and saves the GITHUB_TOKEN of a job that is acquired: from then on it
// is valid.
func (a *Assigner) saveToken(ctx context.Context, tx *store.Tx, as *assignment, job *actions.Job) (err error) {
	if as.token, err = a.keys.Installation(job); err != nil {
		return err
	}
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
