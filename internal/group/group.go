// Package group says for which repositories the runners of a group work.
//
// Each scope has one group, Default, and all of its runners are in it. Those of a
// repository work for that and no other. The group of an organization, or of the site,
// is shared: everybody who may push to one of its repositories has their code run by
// its runners, and anybody may have a public repository. So it allows public ones where
// an admin has said so (allows_public_repositories), and where nobody has said
// anything while none but the operator can push. Else their jobs wait, and say why.
//
// Package queue asks when it offers a job, and again when a runner acquires it.
package group

import (
	"context"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/policy"
	"github.com/understudy-ci/understudy/internal/recent"
	"github.com/understudy-ci/understudy/internal/settings"
	"github.com/understudy-ci/understudy/internal/store"
)

// Groups is safe for concurrent use.
type Groups struct {
	store    *store.Store
	settings *settings.Settings
	policy   *policy.Policy
	others   func(ctx context.Context) (string, error)
	alone    *recent.Cache[struct{}, bool]
}

// New makes Groups. others says who besides the operator can push, "" for nobody; it is
// asked again when an account was made or changed.
func New(st *store.Store, s *settings.Settings, p *policy.Policy, others func(ctx context.Context) (string, error)) *Groups {
	return &Groups{store: st, settings: s, policy: p, others: others, alone: recent.New[struct{}, bool](1, 1)}
}

// AllowsPublic says whether the runners of a scope work for public repositories.
func (g *Groups) AllowsPublic(ctx context.Context, sc actions.Scope) (bool, error) {
	if sc.RepoID != 0 {
		return true, nil
	}
	set, err := settings.Get(ctx, g.settings, scope(sc), settings.PublicRepositories)
	switch {
	case err != nil:
		return false, err
	case set != nil:
		return *set, nil
	}
	return g.alone.FindAt(struct{}{}, g.store.Revision(store.AccessTopic()), func() (bool, error) {
		who, err := g.others(ctx)
		return err == nil && who == "", err
	})
}

// SetPublic says for a shared scope whether its runners work for public repositories.
func (g *Groups) SetPublic(ctx context.Context, sc actions.Scope, public bool) error {
	return g.settings.Update(ctx, scope(sc), settings.Set(settings.PublicRepositories, &public))
}

func scope(sc actions.Scope) settings.Scope {
	if sc.OwnerID != 0 {
		return settings.Org(&actions.Account{ID: sc.OwnerID})
	}
	return settings.Enterprise()
}

// MayHold says whether jobs of a repository may have to wait although runners are there.
func (g *Groups) MayHold(ctx context.Context, repo *actions.Repository) (bool, error) {
	on, err := g.policy.Enabled(ctx, repo)
	if err != nil || !on || !repo.Private {
		return true, err
	}
	own, err := g.policy.OwnRunners().Includes(ctx, repo)
	return !own, err
}

// maxCandidates bounds how many runners are looked at to say what a job waits for: those
// that were seen last.
const maxCandidates = 1000

// Candidates are the runners that are registered where they could work for a repository.
func (g *Groups) Candidates(ctx context.Context, repo *actions.Repository) (c actions.Candidates, err error) {
	on, err := g.policy.Enabled(ctx, repo)
	if err != nil || !on {
		return actions.Candidates{Disabled: !on}, err
	}
	own, err := g.policy.OwnRunners().Includes(ctx, repo)
	if err != nil {
		return c, err
	}
	runners, err := g.store.RunnersServing(ctx, repo.Owner.ID, repo.ID, maxCandidates)
	if err != nil || repo.Private && own {
		return actions.Candidates{Runners: runners}, err
	}
	for _, r := range runners {
		public := repo.Private
		if !public {
			if public, err = g.AllowsPublic(ctx, r.Scope); err != nil {
				return c, err
			}
		}
		switch {
		case r.Scope.RepoID != 0 && !own:
			c.Own = append(c.Own, r)
		case public:
			c.Runners = append(c.Runners, r)
		default:
			c.Barred = append(c.Barred, r)
		}
	}
	return c, nil
}
