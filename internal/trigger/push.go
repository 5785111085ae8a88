package trigger

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/scheduler"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
)

// Intend durably notes that refs of a repository are about to move, and sets
// the id of p.
func (t *Trigger) Intend(ctx context.Context, p *actions.Push) error {
	p.CreatedAt = t.now()
	return t.store.CreatePush(ctx, p)
}

// Pushed makes the runs of a push whose refs have moved; applied are the
// updates that were really made. The intent ends with it. Called again for the
// same push it does nothing. It tries a few times, since a push that has moved
// refs cannot be refused any more; should it fail all the same, the next start
// finds the intent.
func (t *Trigger) Pushed(ctx context.Context, base shape.Base, p *actions.Push, applied []actions.RefUpdate) (err error) {
	const tries, pause = 5, 100 * time.Millisecond
	for range tries {
		if err = t.pushed(ctx, base, p, applied); err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
	return err
}

func (t *Trigger) pushed(ctx context.Context, base shape.Base, p *actions.Push, applied []actions.RefUpdate) error {
	repo, err := t.store.Repository(ctx, p.RepoID)
	if err != nil {
		return err
	}
	actor, err := t.store.Account(ctx, p.ActorID)
	if err != nil {
		return err
	}
	s := &started{}
	for _, u := range events(applied) {
		one := &push{t: t, view: t.git.View(repo.ID), base: base, repo: repo, actor: actor, update: u, silent: p.Silent}
		if err := one.find(ctx, s); err != nil {
			return fmt.Errorf("push of %s to %s: %w", u.Ref, repo.FullName(), err)
		}
	}
	err = t.store.Update(ctx, func(tx *store.Tx) error {
		if mine, err := tx.DeletePush(ctx, p.ID); err != nil || !mine {
			return err
		}
		if len(applied) > 0 {
			if err := tx.SetPushed(ctx, repo.ID, t.now()); err != nil {
				return err
			}
		}
		return t.save(ctx, tx, s)
	})
	if err != nil {
		return fmt.Errorf("push to %s: %w", repo.FullName(), err)
	}
	t.log.InfoContext(ctx, "push", "repo", repo.ID, "updates", len(applied), "runs", len(s.starts))
	return nil
}

// Reconcile finishes the pushes that an earlier server left unfinished. It must
// end before the first new push is let in. One that cannot be finished now is
// kept, and does not keep the others.
func (t *Trigger) Reconcile(ctx context.Context, base shape.Base) error {
	left, err := t.store.Pushes(ctx)
	if err != nil {
		return fmt.Errorf("unfinished pushes: %w", err)
	}
	for _, p := range left {
		if err := t.reconcile(ctx, base, p); err != nil {
			t.log.ErrorContext(ctx, "push not finished", "repo", p.RepoID, "err", err)
		}
	}
	return nil
}

func (t *Trigger) reconcile(ctx context.Context, base shape.Base, p *actions.Push) error {
	applied, err := t.git.Applied(ctx, p.RepoID, p.Updates)
	if actions.KindOf(err) == actions.NotFound { // the repository is gone
		_, err := t.store.DeletePush(ctx, p.ID)
		return err
	}
	if err != nil {
		return err
	}
	t.log.InfoContext(ctx, "unfinished push found", "repo", p.RepoID, "updates", len(applied))
	return t.Pushed(ctx, base, p, applied)
}

// events are the updates that count as push events: branches and tags that are
// there afterwards, unless there are too many (TRG-8).
func events(updates []actions.RefUpdate) []actions.RefUpdate {
	of := func(prefix string, limit int) []actions.RefUpdate {
		list := slices.DeleteFunc(slices.Clone(updates), func(u actions.RefUpdate) bool {
			return u.Deleted() || !strings.HasPrefix(u.Ref, prefix)
		})
		if len(list) > limit {
			return nil
		}
		return list
	}
	return append(of("refs/heads/", maxBranches), of("refs/tags/", maxTags)...)
}

// A push is one moved ref on its way to runs.
type push struct {
	t      *Trigger
	view   *gitrepo.View
	base   shape.Base
	repo   *actions.Repository
	actor  *actions.Account
	update actions.RefUpdate
	silent bool
}

// find adds to s the workflows that the push names anew and the runs it starts.
func (p *push) find(ctx context.Context, s *started) error {
	commit, err := p.view.Commit(ctx, p.update.After)
	if actions.KindOf(err) == actions.NotFound || actions.KindOf(err) == actions.Invalid {
		return nil // a tag about something that is no commit
	}
	if err != nil {
		return err
	}
	all, err := p.t.at(ctx, p.view, commit.SHA)
	if err != nil {
		return err
	}
	if p.update.Ref == "refs/heads/"+p.repo.DefaultBranch {
		if err := p.register(ctx, all, s); err != nil {
			return err
		}
	}
	if p.silent || skipped(commit.Message) {
		return nil
	}
	matching := slices.DeleteFunc(slices.Clone(all), func(f *file) bool { return !p.starts(ctx, commit.SHA, f) })
	if len(matching) == 0 {
		return nil
	}
	payload, err := p.payload(ctx, commit)
	if err != nil {
		return err
	}
	for _, f := range matching {
		s.add(p.t.record(p.repo, f))
		s.starts = append(s.starts, &scheduler.Start{
			Run: p.run(f, commit), Repo: p.repo, Workflow: f.workflow, Problem: f.problem,
			Source: &actions.RunSource{Payload: payload, Workflow: f.text},
		})
	}
	return nil
}

// register notes every workflow of the default branch, and which are gone from it.
func (p *push) register(ctx context.Context, all []*file, s *started) error {
	known, err := p.t.store.AllWorkflows(ctx, p.repo.ID)
	if err != nil {
		return err
	}
	for _, f := range all {
		s.add(p.t.record(p.repo, f))
	}
	for _, w := range known {
		if w.State != actions.Deleted && !slices.ContainsFunc(all, func(f *file) bool { return f.path == w.Path }) {
			w.State, w.UpdatedAt = actions.Deleted, p.t.now()
			s.add(w)
		}
	}
	return nil
}

// add keeps one record per path.
func (s *started) add(w *actions.Workflow) {
	for i, have := range s.workflows {
		if have.Path == w.Path {
			if w.State == actions.Active {
				s.workflows[i] = w
			}
			return
		}
	}
	s.workflows = append(s.workflows, w)
}

// starts says whether the push starts a run of the file. A file that cannot be
// read does: its run shows what is wrong.
func (p *push) starts(ctx context.Context, commit string, f *file) bool {
	if f.problem != nil {
		return true
	}
	on := f.workflow.On.Event("push")
	return on != nil && on.MatchPush(p.update.Ref, func() ([]string, bool) { return p.changed(ctx, commit) })
}

// changed lists the files that the push changed, as far as path filters look
// (TRG-7), and false when that cannot be told.
func (p *push) changed(ctx context.Context, commit string) ([]string, bool) {
	const look = 300
	before := p.update.Before
	if p.update.Created() {
		before = p.fork(ctx, commit)
	}
	paths, _, err := p.view.ChangedFiles(ctx, before, commit, look)
	if err != nil {
		p.t.log.WarnContext(ctx, "changed files not found, so path filters let the push through", "repo", p.repo.ID, "err", err)
		return nil, false
	}
	return paths, true
}

// fork is the commit that a new ref grew from: the parent of its oldest commit
// that no other ref has, and the zero SHA when there is none.
func (p *push) fork(ctx context.Context, commit string) string {
	fresh, more, err := p.view.NewCommits(ctx, p.update.Ref, commit, maxCommits)
	switch {
	case err != nil || more:
		return actions.ZeroSHA
	case len(fresh) == 0:
		return commit
	case len(fresh[0].Parents) == 0:
		return actions.ZeroSHA
	}
	return fresh[0].Parents[0]
}

func (p *push) run(f *file, c *gitrepo.Commit) *actions.Run {
	branch := strings.TrimPrefix(strings.TrimPrefix(p.update.Ref, "refs/heads/"), "refs/tags/")
	title, _, _ := strings.Cut(c.Message, "\n")
	return &actions.Run{
		RepoID: p.repo.ID, Name: f.name(), Title: title, Path: f.path, Event: "push", Ref: p.update.Ref,
		HeadBranch: branch, HeadSHA: c.SHA, HeadCommit: c.Commit, Actor: *p.actor,
	}
}

// skipped says whether a commit message asks for no runs (TRG-8).
func skipped(message string) bool {
	for _, marker := range []string{"[skip ci]", "[ci skip]", "[no ci]", "[skip actions]", "[actions skip]"} {
		if strings.Contains(message, marker) {
			return true
		}
	}
	lines := strings.Split(strings.TrimRight(message, "\n"), "\n")
	last := lines[len(lines)-1]
	return len(lines) >= 3 && lines[len(lines)-2] == "" && (last == "skip-checks: true" || last == "skip-checks:true")
}
