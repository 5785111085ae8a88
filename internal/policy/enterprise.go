package policy

import (
	"context"
	"slices"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/settings"
)

// enabledFor says whether the enterprise enables Actions for what an account owns. Where
// it does so for selected organizations, people's own repositories are of none of them.
func (p *Policy) enabledFor(ctx context.Context, ownerID int64) (bool, error) {
	those, err := settings.Get(ctx, p.settings, settings.Enterprise(), settings.EnabledOrganizations)
	if err != nil || those != actions.SelectedRepositories {
		return those == actions.AllRepositories, err
	}
	ids, err := settings.Get(ctx, p.settings, settings.Enterprise(), settings.SelectedOrganizations)
	_, is := slices.BinarySearch(ids, ownerID)
	return is, err
}

// OfEnterprise returns the permissions of the enterprise.
func (p *Policy) OfEnterprise(ctx context.Context) (*Permissions, error) {
	those, err := settings.Get(ctx, p.settings, settings.Enterprise(), settings.EnabledOrganizations)
	if err != nil {
		return nil, err
	}
	return p.in(ctx, settings.Enterprise(), &Permissions{Enabled: those != actions.NoRepositories, Repositories: those})
}

// SetEnterprise changes the permissions of the enterprise, which are the most that
// organizations and repositories can have.
func (p *Policy) SetEnterprise(ctx context.Context, c Change) error {
	if err := p.settings.Update(ctx, settings.Enterprise(), c.settings()...); err != nil {
		return err
	}
	return p.goOn(ctx, actions.Scope{})
}

// Organizations returns a page of those for which the enterprise enables Actions, and how
// many there are. It is a Conflict where that is not for selected ones.
func (p *Policy) Organizations(ctx context.Context, page actions.Page) ([]*actions.Account, int, error) {
	those, err := settings.Get(ctx, p.settings, settings.Enterprise(), settings.EnabledOrganizations)
	if err != nil {
		return nil, 0, err
	}
	if those != actions.SelectedRepositories {
		return nil, 0, actions.Errorf(actions.Conflict, "enabled_organizations is %s, not %s", those, actions.SelectedRepositories)
	}
	ids, err := settings.Get(ctx, p.settings, settings.Enterprise(), settings.SelectedOrganizations)
	if err != nil {
		return nil, 0, err
	}
	list, err := p.store.OrganizationsByID(ctx, actions.Slice(page, ids))
	slices.SortFunc(list, func(a, b *actions.Account) int { return strings.Compare(a.Login, b.Login) })
	return list, len(ids), err
}

// SelectOrganizations changes for which organizations the enterprise enables Actions. An
// id of none is Invalid where all are set, else NotFound.
func (p *Policy) SelectOrganizations(ctx context.Context, c actions.SelectionChange) error {
	ids, kind := c.Set, actions.Invalid
	if ids == nil {
		ids, kind = []int64{max(c.Add, c.Remove)}, actions.NotFound
	}
	if len(ids) > actions.MaxSelected {
		return actions.Errorf(actions.Invalid, "At most %d organizations can be selected by one request", actions.MaxSelected)
	}
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	found, err := p.store.OrganizationsByID(ctx, ids)
	if err != nil {
		return err
	}
	if len(found) != len(ids) {
		return actions.Errorf(kind, "an organization that is to be selected is not there")
	}
	err = p.settings.Update(ctx, settings.Enterprise(), settings.SelectOrganizations(func(is []int64) []int64 {
		switch {
		case c.Set != nil:
			return ids
		case c.Add != 0:
			return append(is, c.Add)
		}
		return slices.DeleteFunc(is, func(id int64) bool { return id == c.Remove })
	}))
	if err != nil {
		return err
	}
	return p.goOn(ctx, actions.Scope{})
}

// OwnRunnersDisabled says whether the enterprise allows no repository runners of its own.
func (p *Policy) OwnRunnersDisabled(ctx context.Context) (bool, error) {
	those, err := settings.Get(ctx, p.settings, settings.Enterprise(), settings.OwnRunners)
	return those == actions.NoRepositories, err
}

// DisableOwnRunners says whether that is so.
func (p *Policy) DisableOwnRunners(ctx context.Context, disabled bool) error {
	change := settings.Unset(settings.OwnRunners)
	if disabled {
		change = settings.Set(settings.OwnRunners, actions.NoRepositories)
	}
	if err := p.settings.Update(ctx, settings.Enterprise(), change); err != nil {
		return err
	}
	return p.goOn(ctx, actions.Scope{})
}
