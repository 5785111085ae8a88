package trigger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/event"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
)

// GitHub's limits on one push (TRG-8): with more tags, or more branches, than
// this, none of them is an event.
const (
	maxTags     = 3
	maxBranches = 5000
)

// A pushed is a push whose refs have moved, on its way to runs.
type pushed struct {
	*actions.Push
	t     *Trigger
	view  *gitrepo.View
	base  shape.Base
	repo  *actions.Repository
	actor *actions.Account
}

func (t *Trigger) begin(ctx context.Context, base shape.Base, p *actions.Push) (*pushed, error) {
	repo, err := t.store.Repository(ctx, p.RepoID)
	if err != nil {
		return nil, err
	}
	actor, err := t.store.Account(ctx, p.ActorID)
	if err != nil {
		return nil, err
	}
	return &pushed{Push: p, t: t, view: t.git.View(repo.ID), base: base, repo: repo, actor: actor}, nil
}

// finish makes the runs of a settled push that are missing, says how many it has
// made, and ends the intent. When the portion is used up, or the rate, it notes which
// refs are left and returns errLater.
func (t *Trigger) finish(ctx context.Context, base shape.Base, push *actions.Push, most *portion) (runs int, err error) {
	p, err := t.begin(ctx, base, push)
	if err != nil {
		return 0, err
	}
	if p.Happening != nil && p.Happening.DefaultWas != "" {
		if err := p.reregister(ctx); err != nil {
			return 0, err
		}
		return 0, p.end(ctx)
	}
	if p.Happening != nil {
		if runs, err = p.happened(ctx, most); err != nil {
			return runs, err
		}
		return runs, p.end(ctx)
	}
	if t.pulls != nil {
		others, err := t.pulls.Moved(ctx, p.repo, p.actor, p.Push)
		if err != nil {
			return 0, err
		}
		p.due(others, most)
	}
	refs := events(p.Updates)
	if i := slices.IndexFunc(refs, func(u actions.RefUpdate) bool { return u.Ref == actions.BranchPrefix+p.repo.DefaultBranch }); i >= 0 {
		if err := p.register(ctx, refs[i]); err != nil { // first, since it has the last word on workflows
			return 0, err
		}
	}
	for i, u := range refs {
		made, err := p.fire(ctx, u, most)
		runs += made
		if errors.Is(err, errLater) {
			if e := t.store.AdvancePush(ctx, p.ID, refs[i:]); e != nil {
				err = e
			}
		}
		if err != nil {
			return runs, err
		}
	}
	return runs, p.end(ctx)
}

// events are the updates that count as events: branches and tags that are there
// afterwards, and those that are not, unless there are too many (TRG-8).
func events(updates []actions.RefUpdate) []actions.RefUpdate {
	of := func(prefix string, deleted bool, limit int) []actions.RefUpdate {
		list := slices.DeleteFunc(slices.Clone(updates), func(u actions.RefUpdate) bool {
			return u.Deleted() != deleted || !strings.HasPrefix(u.Ref, prefix)
		})
		if len(list) > limit {
			return nil
		}
		return list
	}
	return slices.Concat(
		of(actions.BranchPrefix, false, maxBranches), of(actions.TagPrefix, false, maxTags),
		of(actions.BranchPrefix, true, maxBranches), of(actions.TagPrefix, true, maxTags),
	)
}

// fire makes the runs of one of its refs, and says how many it has made.
func (p *pushed) fire(ctx context.Context, u actions.RefUpdate, most *portion) (int, error) {
	if most.used(p.t.now()) {
		return 0, errLater
	}
	most.take(0)
	list, err := p.events(ctx, u)
	made := 0
	for _, e := range list {
		var runs []*actions.Run
		runs, err = p.t.fire(ctx, e, func(run func() (int, error)) error { return p.paced(most, run) })
		if made += len(runs); err != nil {
			return made, fmt.Errorf("%s of %s in %s: %w", e.Name, u.Ref, p.repo.FullName(), err)
		}
	}
	return made, err
}

// events are what happened to one of its refs: it was pushed, and maybe created, or it
// was deleted.
func (p *pushed) events(ctx context.Context, u actions.RefUpdate) ([]event.Event, error) {
	part := func(name string) event.Event {
		return event.Event{
			Name: name, Part: name + " " + u.Ref, Repo: p.repo, Actor: p.actor, ByJob: p.ByJob, Base: p.base, Intent: p.ID, Ref: u.Ref,
			Push: &event.Push{Update: u},
		}
	}
	if u.Deleted() {
		heard, err := p.t.store.IsHeard(ctx, p.repo.ID, "delete")
		if err != nil || !heard {
			return nil, err
		}
		_, err = p.view.Ref(actions.BranchPrefix + p.repo.DefaultBranch)
		if noCommit(err) { // nor has it workflows
			return nil, nil
		}
		return []event.Event{part("delete")}, err
	}
	m, err := p.look(ctx, u)
	if err != nil || m == nil {
		return nil, err
	}
	list := []event.Event{m.push(ctx)}
	if u.Created() {
		e := part("create")
		e.Head = &m.commit.Commit
		list = append(list, e)
	}
	return list, nil
}

// due notes that repositories have intents that nobody else goes on with.
func (p *pushed) due(repoIDs []int64, most *portion) {
	for _, id := range repoIDs {
		p.t.late.add(id, rest{due: p.t.now()})
	}
	if most != nil {
		most.next = append(most.next, repoIDs...)
	}
}

// paced makes a run, unless that is to be later.
func (p *pushed) paced(most *portion, run func() (jobs int, err error)) error {
	begin := p.t.now()
	if most != nil && (most.used(begin) || p.t.pace.wait(p.Push) > 0) {
		return errLater
	}
	jobs, err := run()
	if err == nil {
		most.take(jobs)
		p.t.pace.charge(p.Push, jobs, p.t.now().Sub(begin))
	}
	return err
}

// end ends the intent, unless somebody else has.
func (p *pushed) end(ctx context.Context) error {
	err := p.t.store.Update(ctx, func(tx *store.Tx) error {
		mine, err := tx.DeletePush(ctx, p.ID)
		if err != nil || !mine || len(p.Updates) == 0 {
			return err
		}
		return tx.SetPushed(ctx, p.repo.ID, p.t.now())
	})
	if err != nil {
		return fmt.Errorf("push to %s: %w", p.repo.FullName(), err)
	}
	return nil
}

// register notes every workflow of the default branch, and which left it.
func (p *pushed) register(ctx context.Context, u actions.RefUpdate) error {
	m, err := p.look(ctx, u)
	if err != nil || m == nil {
		return err
	}
	return p.replace(ctx, m.from, m.commit.SHA)
}

// reregister notes every workflow of a branch that has become the default one, and which
// only that before it had. Should there be yet another by now, that has the last word.
func (p *pushed) reregister(ctx context.Context) error {
	var tips [2]string
	for i, branch := range []string{p.Happening.DefaultWas, p.repo.DefaultBranch} {
		sha, err := p.view.Ref(actions.BranchPrefix + branch)
		if noCommit(err) {
			sha, err = actions.ZeroSHA, nil
		}
		if err != nil {
			return err
		}
		tips[i] = sha
	}
	return p.replace(ctx, tips[0], tips[1])
}

// replace notes the workflows at a commit as those of the default branch, in place of those
// at another. A zero SHA has none.
func (p *pushed) replace(ctx context.Context, from, to string) error {
	var files []*file
	var err error
	if to != actions.ZeroSHA {
		if files, err = p.t.at(ctx, p.view, to, ""); err != nil {
			return err
		}
	}
	var gone []string
	if from != actions.ZeroSHA {
		before, err := p.t.entries(ctx, p.view, from)
		if err != nil {
			return err
		}
		for _, e := range before {
			name := pathOf(e)
			if !slices.ContainsFunc(files, func(f *file) bool { return f.path == name }) {
				gone = append(gone, name)
			}
		}
	}
	return p.t.register(ctx, p.Push, files, gone)
}
