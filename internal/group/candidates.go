package group

import (
	"context"

	"github.com/understudy-ci/understudy/internal/actions"
)

// maxCandidates bounds how many runners are looked at to say what a job waits for: those
// that were seen last.
const maxCandidates = 1000

// Candidates are the runners that are registered where they could work for the jobs of a
// run, and the groups that could have some. Those of the enterprise that are not for the
// organization are none of its business: whoever reads a job would learn their names.
func (g *Groups) Candidates(ctx context.Context, repo *actions.Repository, run *actions.Run) (actions.Candidates, error) {
	c := actions.Candidates{Work: actions.WorkOf(repo, run)}
	on, err := g.policy.Enabled(ctx, repo)
	if c.Disabled = !on; err != nil || !on {
		return c, err
	}
	own, err := g.policy.OwnRunners().Includes(ctx, repo)
	if err != nil {
		return c, err
	}
	known := make(map[key]*actions.Access)
	for _, sc := range []actions.Scope{{OwnerID: repo.Owner.ID}, {}} {
		list, err := g.seenBy(ctx, sc, repo.Owner.ID, repo.ID)
		if err != nil {
			return c, err
		}
		for _, s := range list {
			if !s.access.For(repo.Owner.ID) {
				continue
			}
			known[key{sc, s.ID}] = s.access
			c.Groups = append(c.Groups, s.access)
		}
	}
	runners, err := g.store.RunnersServing(ctx, repo.Owner.ID, repo.ID, maxCandidates)
	if err != nil {
		return c, err
	}
	for _, r := range runners {
		switch access := known[key{r.Scope, r.GroupID}]; {
		case access != nil:
			c.Runners = append(c.Runners, actions.Candidate{Runner: r, Access: access})
		case r.Scope.RepoID == 0: // its group is for others, or was made just now
		case own:
			c.Runners = append(c.Runners, actions.Candidate{Runner: r, Access: ownAccess(r)})
		default:
			c.Own = append(c.Own, actions.Candidate{Runner: r, Access: ownAccess(r)})
		}
	}
	return c, nil
}
