package trigger

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/event"
	"github.com/understudy-ci/understudy/internal/gitrepo"
)

const (
	maxCommits = 1000 // of a push; beyond it path filters are not looked at (TRG-7)
	maxListed  = 20   // commits in a payload
)

// A moved ref is one that a push has moved to a commit.
type moved struct {
	*pushed
	update actions.RefUpdate
	commit *gitrepo.Commit // that the ref stands at
	from   string          // commit that it stood at; the zero SHA when there was none
}

// look reads the commits of an update. It is nil when there is none: a tag may name
// an object that is no commit.
func (p *pushed) look(ctx context.Context, u actions.RefUpdate) (*moved, error) {
	m := &moved{pushed: p, update: u}
	commit, err := p.view.Commit(ctx, u.After)
	if noCommit(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	m.commit = commit
	m.from, err = m.origin(ctx)
	return m, err
}

// noCommit says whether err means that an object is not there, or no commit.
func noCommit(err error) bool {
	k := actions.KindOf(err)
	return k == actions.NotFound || k == actions.Invalid
}

// origin is the commit that the ref stood at before, if it was one: a tag may have
// named another object.
func (m *moved) origin(ctx context.Context) (string, error) {
	if m.update.Created() {
		return actions.ZeroSHA, nil
	}
	c, err := m.view.Commit(ctx, m.update.Before)
	if noCommit(err) {
		return actions.ZeroSHA, nil
	}
	if err != nil {
		return "", err
	}
	return c.SHA, nil
}

// push is the push event of the ref.
func (m *moved) push(ctx context.Context) event.Event {
	title, _, _ := strings.Cut(m.commit.Message, "\n")
	p := &event.Push{Update: m.update}
	return event.Event{
		Name: "push", Repo: m.repo, Actor: m.actor, ByJob: m.ByJob, Base: m.base, Intent: m.ID,
		Ref: m.update.Ref, Head: &m.commit.Commit, Title: title,
		FilterRef: m.update.Ref, Changed: sync.OnceValues(func() ([]string, bool) { return m.changed(ctx) }),
		Push: p, Complete: func() error { return m.complete(ctx, p) },
	}
}

// changed lists the files that the push changed, as far as path filters look
// (TRG-7), and false when that cannot be told: with too many commits, or when
// it takes too long.
func (m *moved) changed(ctx context.Context) ([]string, bool) {
	ctx, cancel := context.WithTimeout(ctx, diffTime)
	defer cancel()
	before, more, err := m.fork(ctx)
	if err != nil || more {
		if err != nil {
			m.t.log.WarnContext(ctx, "commits of a push not found, so path filters let it through", "repo", m.repo.ID, "err", err)
		}
		return nil, false
	}
	return m.t.between(ctx, m.view, before, m.commit.SHA)
}

const (
	lookAt   = 300 // changed files (TRG-7)
	diffTime = 10 * time.Second
)

// between lists the files that differ between two commits, as far as path filters look,
// and false when that takes too long.
func (t *Trigger) between(ctx context.Context, view *gitrepo.View, before, after string) ([]string, bool) {
	ctx, cancel := context.WithTimeout(ctx, diffTime)
	defer cancel()
	paths, _, err := view.ChangedFiles(ctx, before, after, lookAt)
	if err != nil {
		t.log.WarnContext(ctx, "changed files not found, so path filters let the event through", "repo", view.ID(), "err", err)
	}
	return paths, err == nil
}

// fork is the commit that the changes of a push begin at. For a new ref that is
// the parent of its oldest commit that no other branch has, and the zero SHA when
// there is none. more says that the push has more commits than are looked at.
func (m *moved) fork(ctx context.Context) (before string, more bool, err error) {
	commits, more, err := m.commits(ctx, maxCommits)
	switch {
	case m.from != actions.ZeroSHA:
		return m.from, more, err
	case err != nil || more:
		return "", more, err
	case len(commits) == 0:
		return m.commit.SHA, false, nil
	case len(commits[0].Parents) == 0:
		return actions.ZeroSHA, false, nil
	}
	return commits[0].Parents[0], false, nil
}

// commits are the newest ones of the push, oldest first; more says that there are
// others.
func (m *moved) commits(ctx context.Context, limit int) (list []*gitrepo.Commit, more bool, err error) {
	if m.from == actions.ZeroSHA {
		return m.view.NewCommits(ctx, m.update.Ref, m.commit.SHA, limit)
	}
	return m.view.CommitsBetween(ctx, m.from, m.commit.SHA, limit)
}

// complete reads what only the payload needs.
func (m *moved) complete(ctx context.Context, p *event.Push) error {
	if !m.update.Created() {
		ahead, err := m.ahead(ctx)
		if err != nil {
			return err
		}
		p.Forced = !ahead
	}
	commits, _, err := m.commits(ctx, maxListed)
	if err != nil {
		return err
	}
	for _, c := range commits {
		p.Commits = append(p.Commits, clipped(&c.Commit))
	}
	return nil
}

// ahead says whether the ref moved forward.
func (m *moved) ahead(ctx context.Context) (bool, error) {
	if m.from == actions.ZeroSHA { // it was a tag about something else
		return false, nil
	}
	return m.view.IsAncestor(ctx, m.from, m.commit.SHA)
}
