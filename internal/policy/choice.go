package policy

import (
	"context"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/settings"
	"github.com/understudy-ci/understudy/internal/store"
)

// A Choice is something that an organization allows for all of its repositories, for
// none, or for those that it selects.
type Choice struct {
	For    actions.Selecting
	policy *Policy
	key    settings.Key[actions.Repositories]
}

// EnabledRepositories are the repositories that have Actions enabled.
func (p *Policy) EnabledRepositories() Choice {
	return Choice{actions.SelectedForActions, p, settings.EnabledRepositories}
}

// OwnRunners are the repositories that may have runners of their own.
func (p *Policy) OwnRunners() Choice {
	return Choice{actions.SelectedForRunners, p, settings.OwnRunners}
}

// Is returns for which repositories of an organization the choice is.
func (c Choice) Is(ctx context.Context, org *actions.Account) (actions.Repositories, error) {
	return settings.Get(ctx, c.policy.settings, settings.Org(org), c.key)
}

// Set says for which repositories of an organization the choice is.
func (c Choice) Set(ctx context.Context, org *actions.Account, those actions.Repositories) error {
	if err := c.policy.settings.Update(ctx, settings.Org(org), settings.Set(c.key, those)); err != nil {
		return err
	}
	return c.policy.goOn(ctx, actions.Scope{OwnerID: org.ID})
}

// Includes says whether a repository is one of those that the choice is for.
func (c Choice) Includes(ctx context.Context, repo *actions.Repository) (bool, error) {
	p := c.policy
	revision := p.store.Revision(store.SettingsTopic()) // before what it is for is read
	those, err := settings.Get(ctx, p.settings, settings.Repo(repo), c.key)
	if err != nil || those != actions.SelectedRepositories {
		return those == actions.AllRepositories, err
	}
	return p.selected.FindAt(chosen{c.For, repo.Owner.ID, repo.ID}, revision, func() (bool, error) {
		return p.store.IsSelected(ctx, actions.Selection{For: c.For, OrgID: repo.Owner.ID}, repo.ID)
	})
}

// check is a Conflict where the choice of an organization is not for selected repositories.
func (c Choice) check(ctx context.Context, orgID int64) error {
	those, err := c.Is(ctx, &actions.Account{ID: orgID})
	if err == nil && those != actions.SelectedRepositories {
		err = actions.Errorf(actions.Conflict, "enabled_repositories is %s, not %s", those, actions.SelectedRepositories)
	}
	return err
}

// List returns a page of the selected repositories, and how many there are.
func (c Choice) List(ctx context.Context, sel actions.Selection, page actions.Page) ([]*actions.Repository, int, error) {
	if err := c.check(ctx, sel.OrgID); err != nil {
		return nil, 0, err
	}
	return c.policy.store.SelectedRepositories(ctx, sel, page)
}

// Change changes which repositories are selected.
func (c Choice) Change(ctx context.Context, sel actions.Selection, change actions.SelectionChange) error {
	if err := c.check(ctx, sel.OrgID); err != nil {
		return err
	}
	return c.policy.store.Update(ctx, func(tx *store.Tx) error {
		if err := tx.ChangeSelection(ctx, sel, change); err != nil {
			return err
		}
		return tx.PublishWaiting(ctx, actions.Scope{OwnerID: sel.OrgID})
	})
}
