package pull

import (
	"context"
	"sync"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/event"
	"github.com/understudy-ci/understudy/internal/shape"
)

// Events are those that start runs for what has happened to a pull request of a
// repository. Without a merge there is none at which workflows could be read (TRG-2).
func (s *Pulls) Events(ctx context.Context, base shape.Base, repo *actions.Repository, by *actions.Account, push *actions.Push) ([]event.Event, error) {
	h := push.Happening
	p, err := s.Store.Pull(ctx, h.Pull.PullID)
	if actions.KindOf(err) == actions.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if h.Pull.After != "" && h.Pull.After != p.HeadSHA {
		return nil, nil // the head has moved on, and that is an event of its own
	}
	if err := s.Check(ctx, p); err != nil {
		return nil, err
	}
	view := s.Git.View(repo.ID)
	head, err := view.Commit(ctx, p.HeadSHA)
	if err != nil {
		return nil, err
	}
	about := &event.Pull{Before: h.Pull.Before, After: h.Pull.After, Changes: h.Pull.Changes}
	e := event.Event{
		Name: h.Name, Action: h.Action, Repo: repo, Actor: by, ByJob: push.ByJob, Base: base, Intent: push.ID,
		Ref: p.MergeName(), Title: p.Title, FilterRef: actions.BranchPrefix + p.BaseRef, Pull: about,
		FromFork: p.FromFork(), From: &event.Origin{Branch: p.HeadRef, Commit: &head.Commit, RepoID: p.HeadRepoID},
	}
	e.Changed = sync.OnceValues(func() ([]string, bool) { return s.changed(ctx, p) })
	e.Complete = func() error { return s.complete(ctx, h, p, repo, about) }
	runs, wait, err := s.forkRules(ctx, repo, p, by)
	if err != nil {
		return nil, err
	}
	var list []event.Event
	if sha := p.MergeSHA; runs && sha != "" && (p.Mergeable == actions.MergeClean || p.State == actions.PullClosed) {
		c, err := view.Commit(ctx, sha)
		if err != nil {
			return nil, err
		}
		e.Head, e.Hold = &c.Commit, wait
		if p.Merged() {
			e.Ref = e.FilterRef
		}
		list = append(list, e)
	}
	if h.Pull.Review == 0 {
		target := e
		target.Name, target.Head, target.Part, target.Hold = "pull_request_target", nil, "pull_request_target", false
		list = append(list, target)
	}
	return list, nil
}

// changed lists the files that a pull request changes since its branches parted, as far as
// filters of paths look (TRG-7), and false when that cannot be told.
func (s *Pulls) changed(ctx context.Context, p *actions.Pull) ([]string, bool) {
	const look, patience = 300, 10 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	view := s.Git.View(p.RepoID)
	from, err := view.MergeBase(ctx, p.BaseSHA, p.HeadSHA)
	var paths []string
	if err == nil {
		if from == "" {
			from = actions.ZeroSHA
		}
		paths, _, err = view.ChangedFiles(ctx, from, p.HeadSHA, look)
	}
	if err != nil {
		s.Log.WarnContext(ctx, "changed files not found, so path filters let the pull request through", "repo", p.RepoID, "pull", p.Number, "err", err)
	}
	return paths, err == nil
}

// complete reads what only payloads need.
func (s *Pulls) complete(ctx context.Context, h *actions.Happening, p *actions.Pull, repo *actions.Repository, into *event.Pull) (err error) {
	if into.Pull != nil {
		return nil
	}
	whole, err := s.Whole(ctx, repo, p)
	if err != nil {
		return err
	}
	if id := h.Pull.Reviewer; id != 0 {
		if into.Reviewer, err = s.Store.Account(ctx, id); err != nil {
			return err
		}
	}
	if id := h.Pull.Review; id != 0 {
		if into.Review, err = s.Store.Review(ctx, p.ID, id); err != nil {
			return err
		}
		if into.ReviewBy, err = s.Association(ctx, repo, &into.Review.Author); err != nil {
			return err
		}
	}
	into.Pull = whole
	return nil
}
