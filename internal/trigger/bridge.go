package trigger

import (
	"cmp"
	"context"
	"strconv"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/event"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/policy"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
)

// A Bridged is an event that happened elsewhere, as somebody brings it.
type Bridged struct {
	Base    shape.Base
	Repo    *actions.Repository
	Actor   *actions.Account // who brings it
	Name    string
	Payload []byte // as GitHub's webhooks have it
	Ref     string // that runs get, short or in full; empty for what the payload says
	SHA     string // in the history of Ref; empty for what the payload says, else for its tip
}

// Bridge notes an event that happened elsewhere, and makes its runs as [Trigger.Happened]
// does. The payload reaches them whole, and is data: what decides is who brings it, and
// the ref and the commit, which must be here. An event whose code may be that of somebody
// else, since its pull request is not from a branch of this repository, is one from a fork.
func (t *Trigger) Bridge(ctx context.Context, b *Bridged) error {
	on, err := t.policy.Enabled(ctx, b.Repo)
	if err != nil {
		return err
	}
	if !on {
		return policy.Disabled(actions.Invalid)
	}
	if err := t.Busy(b.Repo, b.Actor); err != nil {
		return err
	}
	e, err := t.bridged(ctx, b)
	if err != nil {
		return err
	}
	var p *actions.Push
	err = t.store.Update(ctx, func(tx *store.Tx) error {
		if p, err = t.Happen(ctx, tx, e); err != nil {
			return err
		}
		entry := actions.AuditEntry{Action: actions.AuditEventBridge}.InRepo(b.Repo).With("event", e.Name).With("from_fork", strconv.FormatBool(e.FromFork))
		if e.Head != nil {
			entry = entry.With("ref", e.Ref).With("head_sha", e.Head.SHA)
		}
		return tx.Audit(ctx, entry)
	})
	if err != nil {
		return err
	}
	t.Happened(ctx, b.Base, p)
	return nil
}

// bridged checks what is brought.
func (t *Trigger) bridged(ctx context.Context, b *Bridged) (*event.Event, error) {
	kind, ok := event.KindOf(b.Name)
	if !ok || !kind.Bridged() {
		return nil, actions.Errorf(actions.Invalid, "'%s' is not an event that can be brought from elsewhere", actions.Clip(b.Name, 100))
	}
	facts, err := event.ReadFacts(b.Payload)
	if err != nil {
		return nil, err
	}
	e := &event.Event{
		Name: b.Name, Action: facts.Action, Repo: b.Repo, Actor: b.Actor, Base: b.Base, Given: b.Payload,
		Title: facts.Title(), FilterRef: facts.FilterRef(b.Name), WorkflowName: cmp.Or(facts.Workflow.Name, facts.WorkflowRun.Name),
	}
	view := t.git.View(b.Repo.ID)
	if kind.Of == event.DefaultBranch {
		if b.SHA != "" || b.Ref != "" && b.Ref != b.Repo.DefaultBranch && b.Ref != actions.BranchPrefix+b.Repo.DefaultBranch {
			return nil, actions.Errorf(actions.Invalid, "Runs of '%s' are of the tip of the default branch: no other ref and no sha can be given", b.Name)
		}
		return e, nil
	}
	if err := t.standing(ctx, view, b, facts, e); err != nil {
		return nil, err
	}
	if strings.HasPrefix(b.Name, "pull_request") {
		e.FromFork, err = fromFork(ctx, view, facts, e.Head.SHA)
		return e, err
	}
	if b.Name == "push" && gitrepo.IsSHA(facts.Before) {
		if known, err := view.IsAncestor(ctx, facts.Before, e.Head.SHA); err == nil && known {
			e.Since, e.Until = facts.Before, e.Head.SHA
		}
	}
	return e, nil
}

// standing gives the event the ref and the commit that its runs get. Rules for branches
// go by the ref, so the commit must be one of its history.
func (t *Trigger) standing(ctx context.Context, view *gitrepo.View, b *Bridged, facts *event.Facts, e *event.Event) error {
	ref, sha := cmp.Or(b.Ref, facts.OwnRef(b.Name)), cmp.Or(b.SHA, facts.OwnSHA(b.Name))
	bare := strings.HasPrefix(b.Name, "deployment") && sha != "" && (ref == "" || ref == sha) // a deployment of a commit has no ref
	if ref == "" && !bare {
		return actions.Errorf(actions.Invalid, "Invalid request.\n\n\"ref\" wasn't supplied.")
	}
	tip := sha
	if !bare {
		var err error
		if e.Ref, tip, err = t.findRef(ctx, b.Repo.ID, ref); err != nil {
			return err
		}
	}
	sha = cmp.Or(sha, tip)
	none := actions.Errorf(actions.Invalid, "No commit found for SHA: %s", actions.Clip(sha, 100))
	if !gitrepo.IsSHA(sha) {
		return none
	}
	there, err := false, error(nil)
	if bare {
		there, err = view.OnBranchOrTag(ctx, sha)
	} else {
		there, err = ancestor(ctx, view, sha, tip)
	}
	if err != nil {
		return err
	}
	if !there {
		return none
	}
	c, err := view.Commit(ctx, sha)
	if noCommit(err) {
		return none
	}
	if err != nil {
		return err
	}
	e.Head = &c.Commit
	return nil
}

// ancestor says whether the history of tip has a commit, which may be none.
func ancestor(ctx context.Context, view *gitrepo.View, sha, tip string) (bool, error) {
	if _, err := view.Commit(ctx, sha); err != nil {
		if noCommit(err) {
			err = nil
		}
		return false, err
	}
	return view.IsAncestor(ctx, sha, tip)
}

// fromFork says whether the head of a pull request is not in the branch of this repository
// that it names. Nor is what runs then from here, unless it is in that branch, too: the head
// may be said to be another one by now than when what runs was copied.
func fromFork(ctx context.Context, view *gitrepo.View, facts *event.Facts, runs string) (bool, error) {
	head := facts.PullRequest.Head
	if !gitrepo.IsSHA(head.SHA) || actions.CheckBranch(head.Ref) != nil {
		return true, nil
	}
	tip, err := view.Resolve(ctx, actions.BranchPrefix+head.Ref)
	if noCommit(err) {
		return true, nil
	}
	if err != nil {
		return true, err
	}
	for _, sha := range []string{head.SHA, runs} {
		if mine, err := ancestor(ctx, view, sha, tip); err != nil || !mine {
			return true, err
		}
	}
	return false, nil
}
