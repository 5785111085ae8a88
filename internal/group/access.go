package group

import (
	"context"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

// Access is what the group of a runner is for, by the scope and the GroupID of the
// runner. A group that is not there is NotFound.
func (g *Groups) Access(ctx context.Context, r *actions.Runner) (*actions.Access, error) {
	if r.Scope.RepoID != 0 {
		return &actions.Access{GroupID: actions.DefaultGroupID, Scope: r.Scope, Name: actions.DefaultGroup, Public: true}, nil
	}
	id := r.GroupID
	if id == 0 {
		id = actions.DefaultGroupID
	}
	return g.accessOf(ctx, r.Scope, id)
}

func (g *Groups) accessOf(ctx context.Context, sc actions.Scope, id int64) (*actions.Access, error) {
	revision := g.store.Revision(store.GroupsTopic(), store.SettingsTopic(), store.AccessTopic())
	return g.known.FindAt(key{sc, id}, revision, func() (*actions.Access, error) {
		group, err := g.Group(ctx, sc, id)
		if err != nil {
			return nil, err
		}
		return g.access(ctx, group)
	})
}

// access reads what a group is for.
func (g *Groups) access(ctx context.Context, group *actions.RunnerGroup) (*actions.Access, error) {
	a := &actions.Access{
		GroupID: group.ID, Scope: group.Scope, Name: group.Name, Restricted: group.Restricted, Workflows: group.Workflows,
		Public: group.AllowsPublic && group.Visibility != actions.GroupForPrivate,
	}
	if group.Visibility != actions.GroupForSelected {
		return a, nil
	}
	if group.Scope.OwnerID == 0 {
		orgs, err := g.store.GroupOrganizations(ctx, group.ID)
		a.ByOrg, a.Orgs = true, make(map[int64]bool, len(orgs))
		for _, o := range orgs {
			a.Orgs[o.ID] = true
		}
		return a, err
	}
	ids, err := g.store.SelectedIDs(ctx, store.GroupSelection(group))
	a.ByRepo, a.Repos = true, make(map[int64]bool, len(ids))
	for _, id := range ids {
		a.Repos[id] = true
	}
	return a, err
}

// maxCandidates bounds how many runners are looked at to say what a job waits for: those
// that were seen last.
const maxCandidates = 1000

// Candidates are the runners that are registered where they could work for the jobs of a
// run, and the groups that could have some.
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
	runners, err := g.store.RunnersServing(ctx, repo.Owner.ID, repo.ID, maxCandidates)
	if err != nil {
		return c, err
	}
	for _, r := range runners {
		a, err := g.Access(ctx, r)
		if actions.KindOf(err) == actions.NotFound {
			continue // the group was deleted just now
		}
		if err != nil {
			return c, err
		}
		if r.Scope.RepoID != 0 && !own {
			c.Own = append(c.Own, actions.Candidate{Runner: r, Access: a})
			continue
		}
		c.Runners = append(c.Runners, actions.Candidate{Runner: r, Access: a})
	}
	for _, sc := range []actions.Scope{{OwnerID: repo.Owner.ID}, {}} {
		groups, err := g.store.RunnerGroups(ctx, sc)
		if err != nil {
			return c, err
		}
		for _, group := range groups {
			a, err := g.accessOf(ctx, sc, group.ID)
			if actions.KindOf(err) == actions.NotFound {
				continue
			}
			if err != nil {
				return c, err
			}
			c.Groups = append(c.Groups, a)
		}
	}
	return c, nil
}
