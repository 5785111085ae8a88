package policy

import (
	"context"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/settings"
	"github.com/understudy-ci/understudy/internal/store"
)

// A Change is what becomes of permissions; what is nil stays as it is.
type Change struct {
	Allowed *actions.AllowedActions
	Pinned  *bool // actions are named by full commits

	Enabled      *bool                 // of a repository
	Repositories *actions.Repositories // of an organization: those with Actions enabled

	Organizations *actions.Repositories // of the enterprise: those with Actions enabled
}

func (c Change) settings() (list []settings.Change) {
	if c.Enabled != nil {
		list = append(list, settings.Set(settings.ActionsEnabled, *c.Enabled))
	}
	if c.Repositories != nil {
		list = append(list, settings.Set(settings.EnabledRepositories, *c.Repositories))
	}
	if c.Organizations != nil {
		list = append(list, settings.Set(settings.EnabledOrganizations, *c.Organizations))
	}
	if c.Allowed != nil {
		list = append(list, settings.Set(settings.AllowedActions, *c.Allowed))
	}
	if c.Pinned != nil {
		list = append(list, settings.Set(settings.SHAPinning, *c.Pinned))
	}
	return list
}

// SetRepository changes the permissions of a repository. What its organization or the
// enterprise has restricted is a Conflict.
func (p *Policy) SetRepository(ctx context.Context, repo *actions.Repository, c Change) error {
	if c.Enabled != nil && *c.Enabled {
		may, err := p.enabledFor(ctx, repo.Owner.ID)
		if err == nil && may {
			may, err = p.EnabledRepositories().Includes(ctx, repo)
		}
		if err != nil {
			return err
		}
		if !may {
			return actions.Errorf(actions.Conflict, "Actions is disabled for this repository by its organization or enterprise")
		}
	}
	if err := p.settings.Update(ctx, settings.Repo(repo), c.settings()...); err != nil {
		return err
	}
	return p.goOn(ctx, actions.Scope{RepoID: repo.ID})
}

// SetOrganization changes the permissions of an organization. What the enterprise has
// restricted is a Conflict.
func (p *Policy) SetOrganization(ctx context.Context, org *actions.Account, c Change) error {
	if c.Repositories != nil && *c.Repositories != actions.NoRepositories {
		may, err := p.enabledFor(ctx, org.ID)
		if err != nil {
			return err
		}
		if !may {
			return actions.Errorf(actions.Conflict, "Actions is disabled for this organization by its enterprise")
		}
	}
	if err := p.settings.Update(ctx, settings.Org(org), c.settings()...); err != nil {
		return err
	}
	return p.goOn(ctx, actions.Scope{OwnerID: org.ID})
}

// Select changes which actions are selected for a repository or an organization. It is a
// Conflict where [Policy.Selected] is, and where a scope above decides.
func (p *Policy) Select(ctx context.Context, in *Permissions, change func(*actions.SelectedActions)) error {
	if !in.Enabled {
		return actions.Errorf(actions.Conflict, "Actions is disabled")
	}
	return p.settings.Update(ctx, in.scope, settings.Select(change))
}

// goOn has the jobs of a scope looked at again that wait for a runner.
func (p *Policy) goOn(ctx context.Context, sc actions.Scope) error {
	return p.store.Update(ctx, func(tx *store.Tx) error { return tx.PublishWaiting(ctx, sc) })
}
