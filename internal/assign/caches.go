package assign

import (
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/event"
)

// cacheMode is what the job may do with caches: what its own key says, else the
// workflow's, else what its event gives.
func (as *assignment) cacheMode() actions.CacheMode {
	for _, mode := range []string{as.spec.CacheMode, as.source.Workflow.CacheMode} {
		if mode != "" {
			return actions.CacheMode(mode)
		}
	}
	return event.CacheMode(as.run.Event, as.run.Ref, as.repo.DefaultBranch)
}

// cacheScopes are the refs whose caches the job may use. The server takes them from
// the token, so nothing that the job says can add to them.
func (as *assignment) cacheScopes(mode actions.CacheMode) []actions.CacheScope {
	return actions.CacheScopes(as.run.Ref, as.baseRef(), as.repo.DefaultBranch, mode)
}

// baseRef is the branch that a pull request is to be merged into, empty for
// other events.
func (as *assignment) baseRef() string {
	if !strings.HasPrefix(as.run.Event, "pull_request") {
		return ""
	}
	return as.source.BaseRef()
}
