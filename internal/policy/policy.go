// Package policy says what GitHub Actions may do in a repository: what the reference
// calls its Actions permissions.
//
// A repository, its organization and the enterprise each say something, in package
// settings; what is set above is not undone below. The enterprise names the organizations
// that have Actions at all. Where an organization enables Actions for selected
// repositories, or allows those runners of their own, the store knows which.
//
// Where Actions is disabled, package trigger makes no run, package scheduler starts none
// again, and package queue hands out no job: what waits keeps its place, and goes on when
// Actions is enabled again. What runs is not stopped.
package policy

import (
	"context"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/recent"
	"github.com/understudy-ci/understudy/internal/settings"
	"github.com/understudy-ci/understudy/internal/store"
)

// A Policy is safe for concurrent use.
type Policy struct {
	store    *store.Store
	settings *settings.Settings
	verified []string
	selected *recent.Cache[chosen, bool]
}

// A chosen is whether a repository is in a selection of its organization.
type chosen struct {
	selecting   actions.Selecting
	owner, repo int64
}

const maxChosen = 100_000 // that are remembered

// New makes a policy of what is set; nil settings are those of a server whose operator
// says nothing. verified are the logins of the creators whose actions are allowed where
// those of verified creators are.
func New(st *store.Store, s *settings.Settings, verified ...string) *Policy {
	if s == nil {
		s = settings.New(st)
	}
	return &Policy{store: st, settings: s, verified: verified, selected: recent.New[chosen, bool](maxChosen, maxChosen)}
}

// Disabled is the error for what does not start, since Actions is disabled; kind is
// what a caller can do about it.
func Disabled(kind actions.Kind) error {
	return actions.Errorf(kind, "Actions has been disabled for this repository")
}

// Enabled says whether Actions is enabled for a repository, of which it looks at the ids
// of itself and its owner, and at its visibility.
func (p *Policy) Enabled(ctx context.Context, repo *actions.Repository) (bool, error) {
	on, err := p.enabledFor(ctx, repo.Owner.ID)
	if err != nil || !on {
		return false, err
	}
	on, err = settings.Get(ctx, p.settings, settings.Repo(repo), settings.ActionsEnabled)
	if err != nil || !on {
		return false, err
	}
	return p.EnabledRepositories().Includes(ctx, repo)
}

// Permissions are what is set for a repository or an organization, as far as it counts.
type Permissions struct {
	Enabled      bool                 // Actions is: for the repository, or for some of the organization or enterprise
	Repositories actions.Repositories // of an organization: those that have it enabled; of the enterprise, its organizations
	Allowed      actions.AllowedActions
	Pinned       bool // actions are named by full commits

	scope settings.Scope
}

// OfRepository returns the permissions of a repository.
func (p *Policy) OfRepository(ctx context.Context, repo *actions.Repository) (*Permissions, error) {
	on, err := p.Enabled(ctx, repo)
	if err != nil {
		return nil, err
	}
	return p.in(ctx, settings.Repo(repo), &Permissions{Enabled: on})
}

// OfOrganization returns the permissions of an organization.
func (p *Policy) OfOrganization(ctx context.Context, org *actions.Account) (*Permissions, error) {
	those, err := settings.Get(ctx, p.settings, settings.Org(org), settings.EnabledRepositories)
	if err != nil {
		return nil, err
	}
	if on, err := p.enabledFor(ctx, org.ID); err != nil {
		return nil, err
	} else if !on {
		those = actions.NoRepositories
	}
	return p.in(ctx, settings.Org(org), &Permissions{Enabled: those != actions.NoRepositories, Repositories: those})
}

func (p *Policy) in(ctx context.Context, sc settings.Scope, to *Permissions) (_ *Permissions, err error) {
	to.scope = sc
	if to.Allowed, err = settings.Get(ctx, p.settings, sc, settings.AllowedActions); err != nil {
		return nil, err
	}
	to.Pinned, err = settings.Get(ctx, p.settings, sc, settings.SHAPinning)
	return to, err
}

// Selected returns which actions are selected for a repository or an organization. It is a
// Conflict where others are allowed than selected ones.
func (p *Policy) Selected(ctx context.Context, in *Permissions) (actions.SelectedActions, error) {
	if !in.Enabled {
		return actions.SelectedActions{}, actions.Errorf(actions.Conflict, "Actions is disabled")
	}
	if err := settings.CheckSelecting(in.Allowed); err != nil {
		return actions.SelectedActions{}, err
	}
	return p.settings.Selected(ctx, in.scope)
}

// Refusal says which of the actions and reusable workflows that a repository's workflows
// use are not allowed, and why; empty where all are.
func (p *Policy) Refusal(ctx context.Context, repo *actions.Repository, uses []actions.Use) (string, error) {
	if len(uses) == 0 {
		return "", nil
	}
	in, err := p.in(ctx, settings.Repo(repo), &Permissions{})
	if err != nil || in.Allowed == actions.AllActions && !in.Pinned {
		return "", err
	}
	rules := &actions.Policy{Repo: repo.FullName(), Allowed: in.Allowed, Pinned: in.Pinned, Verified: p.verified}
	if in.Allowed == actions.SomeActions {
		if rules.Selected, err = p.settings.Selected(ctx, in.scope); err != nil {
			return "", err
		}
	}
	return rules.Refusal(uses), nil
}

// Permits says for package queue whether a job that waits may be handed out: to a
// runner that several repositories share, and to one of its own repository.
func (p *Policy) Permits(ctx context.Context, w *store.Waiting) (shared, own bool, err error) {
	repo := &actions.Repository{ID: w.RepoID, Owner: actions.Account{ID: w.OwnerID}, Private: !w.Public}
	if shared, err = p.Enabled(ctx, repo); err != nil || !shared {
		return false, false, err
	}
	own, err = p.OwnRunners().Includes(ctx, repo)
	return shared, own, err
}
