// Package group keeps the runner groups of organizations and of the enterprise, and says
// for which jobs the runners of a group work.
//
// Each scope has a group called Default, in which runners are that nobody has put into
// another. Runners of a repository work for that and no other, and have no groups.
//
// The groups of an organization, or of the enterprise, are shared: everybody who may push
// to one of its repositories has their code run by its runners, and anybody may have a
// public repository. So a group works for public ones only where an admin has said so
// (allows_public_repositories); the default group also where nobody has said anything
// while none but the operator can push. It may be for selected repositories, or
// organizations, and for selected workflows. All other jobs wait, and say why.
//
// Package queue asks [Groups.Access] when it offers a job, and again when a runner
// acquires it. What is asked once is remembered until something changes.
package group

import (
	"context"
	"time"

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
	now      func() time.Time
	alone    *recent.Cache[struct{}, bool]
	known    *recent.Cache[key, *actions.Access]
}

// A key is a group.
type key struct {
	scope actions.Scope
	id    int64
}

// The groups in memory are at most so many, and have at most so many selected
// repositories and organizations together, of which a workflow counts as several.
const (
	maxKnown    = 10_000
	maxSelected = 1_000_000 // of 8 bytes
)

// New makes Groups. others says who besides the operator can push, "" for nobody; it is
// asked again when an account was made or changed.
func New(st *store.Store, s *settings.Settings, p *policy.Policy, now func() time.Time, others func(ctx context.Context) (string, error)) *Groups {
	return &Groups{
		store: st, settings: s, policy: p, now: now, others: others,
		alone: recent.New[struct{}, bool](1, 1), known: recent.New[key, *actions.Access](maxKnown, maxSelected),
	}
}

// AllowsPublic says whether the default group of a scope works for public repositories.
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

func scope(sc actions.Scope) settings.Scope {
	if sc.OwnerID != 0 {
		return settings.Org(&actions.Account{ID: sc.OwnerID})
	}
	return settings.Enterprise()
}
