package pull

import (
	"context"
	"slices"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

// maxHeads is how many pull requests of one branch take a push to it. Nobody has as many.
const maxHeads = 100

// Moved does what a push, whose refs have moved, means for pull requests, and returns the
// repositories that have got intents by it. It may be called again for the same push.
func (s *Pulls) Moved(ctx context.Context, repo *actions.Repository, by *actions.Account, p *actions.Push) ([]int64, error) {
	var ids []int64
	for _, u := range p.Updates {
		branch, ok := strings.CutPrefix(u.Ref, actions.BranchPrefix)
		if !ok {
			continue
		}
		m := move{s: s, repo: repo, by: by, push: p, update: u, branch: branch}
		for _, do := range []func(context.Context) error{m.bases, m.heads} {
			if err := do(ctx); err != nil {
				return ids, err
			}
		}
		ids = append(ids, m.noted...)
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// A move is one branch that a push has moved.
type move struct {
	s      *Pulls
	repo   *actions.Repository
	by     *actions.Account
	push   *actions.Push
	update actions.RefUpdate
	branch string
	noted  []int64 // repositories with new intents
}

// heads gives the pull requests of the branch their new head, or closes them.
func (m *move) heads(ctx context.Context) error {
	open, err := m.s.Store.OpenPullsFrom(ctx, m.repo.ID, m.branch, maxHeads)
	if err != nil {
		return err
	}
	for _, p := range open {
		if !m.update.Deleted() {
			if err := m.bring(ctx, p); err != nil {
				return err
			}
		}
		if err := m.change(ctx, p.ID, m.head); err != nil {
			return err
		}
	}
	return nil
}

// bring brings the new head to where the pull request is.
func (m *move) bring(ctx context.Context, p *actions.Pull) error {
	if p.FromFork() {
		err := m.s.Git.Take(ctx, p.RepoID, m.repo.ID, []string{m.update.After})
		if k := actions.KindOf(err); k == actions.NotFound || k == actions.Forbidden { // there is no such repository, or no room in it
			m.s.Log.WarnContext(ctx, "head of a pull request not taken", "repo", p.RepoID, "pull", p.Number, "err", err)
			return nil
		}
		if err != nil {
			return err
		}
	}
	return m.s.Git.SetPullRef(ctx, p.RepoID, p.HeadName(), m.update.After)
}

// head is what the push means for a pull request whose head the branch is.
func (m *move) head(p *actions.Pull) *actions.PullEvent {
	switch {
	case m.update.Deleted():
		p.Close(m.s.Now())
		return &actions.PullEvent{Action: "closed"}
	case p.HeadSHA == m.update.After:
		return nil
	}
	e := &actions.PullEvent{Action: "synchronize", Before: p.HeadSHA, After: m.update.After}
	p.HeadSHA, p.UpdatedAt, p.Mergeable, p.MergeSHA, p.Merging = m.update.After, m.s.Now(), actions.MergeUnknown, "", ""
	return e
}

// bases closes the pull requests into the branch that are merged, or whose base is gone.
// The others are to be merged anew.
func (m *move) bases(ctx context.Context) error {
	open, err := m.s.Store.OpenPullsInto(ctx, m.repo.ID, m.branch, 0, 1)
	if err != nil || len(open) == 0 {
		return err
	}
	var in []int64 // numbers of the pull requests whose heads the branch has
	if !m.update.Deleted() {
		refs, err := m.s.Git.View(m.repo.ID).Merged(ctx, m.update.After)
		if err != nil {
			return err
		}
		for _, ref := range refs {
			in = append(in, actions.PullOfHead(ref))
		}
	}
	for after := int64(0); ; {
		open, err := m.s.Store.OpenPullsInto(ctx, m.repo.ID, m.branch, after, atOnce)
		if err != nil {
			return err
		}
		if len(open) == 0 {
			break
		}
		for _, p := range open {
			after = p.ID
			if p.Merging != m.update.After && !m.update.Deleted() && !slices.Contains(in, p.Number) {
				continue
			}
			if err := m.change(ctx, p.ID, m.base); err != nil {
				return err
			}
		}
	}
	if m.update.Deleted() {
		return nil
	}
	defer m.s.later()
	return m.s.Store.Update(ctx, func(tx *store.Tx) error { return tx.UncheckPulls(ctx, m.repo.ID, m.branch) })
}

// base is what the push means for a pull request into the branch.
func (m *move) base(p *actions.Pull) *actions.PullEvent {
	if m.update.Deleted() {
		p.Close(m.s.Now())
	} else {
		p.Merge(m.update.After, *m.by, m.s.Now())
	}
	return &actions.PullEvent{Action: "closed"}
}

// change changes an open pull request, and notes what has happened to it.
func (m *move) change(ctx context.Context, id int64, do func(*actions.Pull) *actions.PullEvent) error {
	noted := int64(0)
	err := m.s.Store.Update(ctx, func(tx *store.Tx) error {
		noted = 0
		p, err := tx.Pull(ctx, id)
		if err != nil || p.State != actions.PullOpen {
			return err
		}
		if open, err := tx.HasPush(ctx, m.push.ID); err != nil || !open { // somebody else has done it all
			return err
		}
		e := do(p)
		if e == nil {
			return nil
		}
		if err := tx.UpdatePull(ctx, p, false); err != nil {
			return err
		}
		noted = p.RepoID
		_, err = m.s.note(ctx, tx, p, m.by.ID, m.push.ByJob, "", *e)
		return err
	})
	if noted != 0 && err == nil {
		m.noted = append(m.noted, noted)
	}
	return err
}
