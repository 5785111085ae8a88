package trigger

import (
	"context"
	"sync"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/event"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
)

// Happen notes an event in the transaction of its cause, so that it is there exactly if
// the cause is: its runs are made later, by whoever comes first, and once. The caller
// that wants to answer with them calls [Trigger.Happened] after the commit with what is
// returned. That is nil where the event can start nothing.
func (t *Trigger) Happen(ctx context.Context, tx *store.Tx, e *event.Event) (*actions.Push, error) {
	kind, ok := event.KindOf(e.Name)
	if !ok || !kind.Happens() && e.Given == nil {
		return nil, actions.Errorf(actions.Invalid, "The event '%s' does not happen on this server", e.Name)
	}
	if e.Repo.Archived || e.ByJob && !kind.FromJobs { // a workflow could start itself without end (TRG-9)
		return nil, nil
	}
	if kind.Of == event.DefaultBranch {
		if heard, err := tx.IsHeard(ctx, e.Repo.ID, e.Name); err != nil || !heard {
			return nil, err
		}
	}
	payload, err := kind.Payload(e)
	if err != nil {
		return nil, err
	}
	h := &actions.Happening{
		Name: e.Name, Action: e.Action, Ref: e.Ref, Title: actions.Clip(e.Title, maxTitle), FilterRef: e.FilterRef, WorkflowName: e.WorkflowName,
		Workflow: e.Workflow, FromFork: e.FromFork, Base: e.Base.HTML, Since: e.Since, Until: e.Until,
	}
	if e.Head != nil {
		h.SHA = e.Head.SHA
	}
	if e.Schedule != nil {
		h.Cron, h.Timezone = e.Schedule.Cron, e.Schedule.Timezone
	}
	p := &actions.Push{RepoID: e.Repo.ID, ActorID: e.Actor.ID, ByJob: e.ByJob, Happening: h, CreatedAt: t.now()}
	return p, tx.CreateHappening(ctx, p, payload)
}

// Happened makes the runs of an event that was noted, as [Trigger.Pushed] does for a
// push: what is more than a portion, or cannot be made now, comes later. So there is no
// error to return.
func (t *Trigger) Happened(ctx context.Context, base shape.Base, p *actions.Push) {
	if p == nil {
		return
	}
	if err := t.Pushed(ctx, base, p, nil); err != nil {
		t.log.WarnContext(ctx, "runs of an event come later", "repo", p.RepoID, "event", p.Happening.Name, "err", err)
	}
}

// Busy is TooMany for a repository or an account whose new runs are more than their rate
// already: what happens by their own wish can wait.
func (t *Trigger) Busy(repo *actions.Repository, actor *actions.Account) error {
	if t.pace.wait(&actions.Push{RepoID: repo.ID, ActorID: actor.ID}) > 0 {
		return actions.Errorf(actions.TooMany, "Too many runs were started in %s lately: try again later", repo.FullName())
	}
	return nil
}

// happened makes the runs of an event that are missing, and says how many it has made.
func (p *pushed) happened(ctx context.Context, most *portion) (int, error) {
	list, err := p.known(ctx)
	n := 0
	for _, e := range list {
		made, err := p.happenedAs(ctx, e, most)
		if n += made; err != nil {
			return n, err
		}
	}
	return n, err
}

// happenedAs is happened for one of the events as which it starts runs.
func (p *pushed) happenedAs(ctx context.Context, e event.Event, most *portion) (int, error) {
	runs, err := p.t.fire(ctx, e, func(run func() (int, error)) error { return p.paced(most, run) })
	switch actions.KindOf(err) { //nolint:exhaustive // the others are to be tried again
	case actions.NotFound, actions.Invalid: // for good
		p.t.log.WarnContext(ctx, "event starts nothing", "repo", p.repo.ID, "event", e.Name, "err", err)
		err = nil
	}
	return len(runs), err
}

// known are the events as which it starts runs: none if the commit of these is not there
// any more, and two of a pull request.
func (p *pushed) known(ctx context.Context) ([]event.Event, error) {
	h, base := p.Happening, p.base
	if h.Base != "" {
		base = shape.Base{HTML: h.Base, API: h.Base + "/api/v3"}
	}
	if h.Pull != nil {
		return p.t.pulls.Events(ctx, base, p.repo, p.actor, p.Push)
	}
	e := event.Event{
		Name: h.Name, Action: h.Action, Repo: p.repo, Actor: p.actor, ByJob: p.ByJob, Base: base, Intent: p.ID,
		Ref: h.Ref, Title: h.Title, FilterRef: h.FilterRef, WorkflowName: h.WorkflowName, Workflow: h.Workflow, FromFork: h.FromFork,
	}
	if h.SHA != "" {
		c, err := p.view.Commit(ctx, h.SHA)
		if noCommit(err) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		e.Head = &c.Commit
	}
	e.Changed = sync.OnceValues(func() ([]string, bool) {
		if h.Until == "" {
			return nil, false
		}
		return p.t.between(ctx, p.view, h.Since, h.Until)
	})
	if h.Cron != "" {
		e.Schedule = &event.Schedule{Cron: h.Cron, Timezone: h.Timezone}
	}
	if h.RunID != 0 {
		return p.followed(ctx, &e)
	}
	payload, err := p.t.store.HappeningPayload(ctx, p.ID)
	if err != nil {
		return nil, unlessGone(err)
	}
	e.Given = payload
	return []event.Event{e}, nil
}

// followed is the event that a run got on. There is none if the run is not there any more.
func (p *pushed) followed(ctx context.Context, e *event.Event) ([]event.Event, error) {
	h, w := p.Happening, new(event.WorkflowRun)
	var err error
	if w.Run, err = p.t.store.Run(ctx, h.RunID); err != nil {
		return nil, unlessGone(err)
	}
	if w.Attempt, err = p.t.store.Attempt(ctx, h.RunID, h.Attempt); err != nil {
		return nil, unlessGone(err)
	}
	if w.Workflow, err = p.t.store.Workflow(ctx, p.repo.ID, w.Run.WorkflowID); err != nil {
		return nil, unlessGone(err)
	}
	switch h.Action { // it may have got on meanwhile
	case event.RunRequested:
		w.Attempt.Status, w.Attempt.Conclusion, w.Attempt.CompletedAt = actions.Queued, "", time.Time{}
	case event.RunInProgress:
		w.Attempt.Status, w.Attempt.Conclusion, w.Attempt.CompletedAt = actions.InProgress, "", time.Time{}
	}
	e.WorkflowRun, e.WorkflowName = w, w.Run.Name
	if w.Run.HeadBranch != "" {
		e.FilterRef = actions.BranchPrefix + w.Run.HeadBranch
	}
	return []event.Event{*e}, nil
}

// unlessGone is err, or nil if it says that something is not there.
func unlessGone(err error) error {
	if actions.KindOf(err) == actions.NotFound {
		return nil
	}
	return err
}
