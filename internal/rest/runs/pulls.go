package runs

import (
	"net/http"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/shape"
)

// addPulls adds to the objects for runs the open pull requests of their branches, unless the
// request wants none. Of runs from forks they are none, as on GitHub.
func (p *page) addPulls(r *http.Request, runs []*actions.Run, to ...*shape.WorkflowRun) error {
	if r.URL.Query().Get("exclude_pull_requests") == "true" {
		return nil
	}
	c := rest.CallOf(r)
	of := map[string][]*shape.MinimalPull{}
	var branches []string
	for _, run := range runs {
		if _, has := of[run.HeadBranch]; !has && run.HeadBranch != "" && !run.FromFork {
			of[run.HeadBranch] = []*shape.MinimalPull{}
			branches = append(branches, run.HeadBranch)
		}
	}
	pulls, err := p.store.PullsOfBranches(r.Context(), c.Repo.ID, branches)
	if err != nil {
		return err
	}
	for _, is := range pulls {
		of[is.HeadRef] = append(of[is.HeadRef], shape.NewMinimalPull(c.Base, c.Repo, is))
	}
	for i, run := range runs {
		if list, ok := of[run.HeadBranch]; ok && !run.FromFork {
			to[i].PullRequests = list
		}
	}
	return nil
}
