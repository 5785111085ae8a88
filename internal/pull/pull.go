// Package pull keeps pull requests and the refs that belong to them.
//
// A pull request is a row in the store and two refs that no client can move:
// refs/pull/N/head is its head for ever, also when the branch or the fork is gone, and
// refs/pull/N/merge is what became of the base when git merged the head into it last. A
// head in a fork is copied into the repository of the base, so that nothing here depends
// on the fork.
//
// Branches move by pushes, and nothing else. So what a push means for pull requests is
// found out where its runs are made: [Pulls.Moved] takes new heads, closes pull requests
// whose branches are gone, and notes which were merged. It is done in one transaction for
// each branch, before the intent of the push ends; a server that dies in between does it
// at its next start, and twice is the same as once. Whatever happens to a pull request
// (its [actions.PullEvent]) is written down as an intent of its own in the transaction
// that changes it, and stays until its runs are made: [Pulls.Events] says which events
// these are.
//
// Whether git can merge is tried when an event needs the merge, when somebody asks, and
// by [Pulls.Run] for all whose branches have moved. Merges are made without a work tree,
// in a directory of their own ([gitrepo.Draft]), within a bounded time; one that takes
// longer, or conflicts, starts no runs.
//
// Merging a pull request is a push of whoever merges. Before the base moves, the commit
// that it is to move to is noted with the pull request; when a push has moved it there,
// the pull request is merged, whoever sees that first.
package pull

import (
	"context"
	"log/slog"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/protect"
	"github.com/understudy-ci/understudy/internal/settings"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
)

// Config is what Pulls need. All fields are required.
type Config struct {
	Store    *store.Store
	Git      *gitrepo.Git
	Settings *settings.Settings
	Protect  *protect.Protections
	Log      *slog.Logger
	Now      func() time.Time

	// Announce makes the runs of what has happened to a pull request, which is noted
	// already. What it cannot make now comes later.
	Announce func(ctx context.Context, base shape.Base, p *actions.Push)
}

// Pulls is safe for concurrent use.
type Pulls struct {
	Config
	wake chan struct{} // room for one
}

// New makes the service. It starts nothing: see [Pulls.Run].
func New(c Config) *Pulls { return &Pulls{Config: c, wake: make(chan struct{}, 1)} }

// Resource is what GitHub calls a pull request in errors about its fields.
const Resource = "PullRequest"

// note writes down that something has happened to a pull request.
func (s *Pulls) note(ctx context.Context, tx *store.Tx, p *actions.Pull, by int64, byJob bool, base string, e actions.PullEvent) (*actions.Push, error) {
	e.PullID = p.ID
	name := "pull_request"
	if e.Review != 0 {
		name = "pull_request_review"
	}
	push := &actions.Push{
		RepoID: p.RepoID, ActorID: by, ByJob: byJob, CreatedAt: s.Now(),
		Happening: &actions.Happening{Name: name, Action: e.Action, Base: base, Pull: &e},
	}
	return push, tx.CreateHappening(ctx, push, nil)
}

// announce makes the runs of what was noted.
func (s *Pulls) announce(ctx context.Context, by Actor, list []*actions.Push) {
	for _, p := range list {
		s.Announce(ctx, by.Base, p)
	}
}
