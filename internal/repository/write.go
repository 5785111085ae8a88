package repository

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/gitrepo"
)

// A PushFunc is what a push by somebody does: see gitrepo.ReceiveOptions. It notes the
// updates before the refs move, or refuses them; the done that it returns is called with
// those that were made, whatever happens.
type PushFunc func(ctx context.Context, updates []actions.RefUpdate, view *gitrepo.View) (
	done func(ctx context.Context, applied []actions.RefUpdate) error, err error)

// A File is the change of a file by a commit.
type File struct {
	gitrepo.Edit
	Branch    string // short name; of an empty repository it is made
	Message   string
	Author    actions.Signature
	Committer actions.Signature
}

// Commit makes a commit that changes one file, on top of a branch, as a push of push's
// account does, and returns it. A branch that is not there is NotFound; a file or branch
// that somebody else has changed is a Conflict.
func (s *Repositories) Commit(ctx context.Context, id int64, f File, push PushFunc) (*gitrepo.Commit, error) {
	if err := actions.CheckBranch(f.Branch); err != nil {
		return nil, actions.Errorf(actions.NotFound, "Branch %s not found", f.Branch)
	}
	view, update := s.git.View(id), actions.RefUpdate{Ref: actions.BranchPrefix + f.Branch, Before: actions.ZeroSHA}
	c := &gitrepo.Commit{Commit: actions.Commit{Message: f.Message, Author: f.Author, Committer: f.Committer}}
	switch head, err := view.Ref(update.Ref); {
	case err == nil:
		update.Before, c.Parents = head, []string{head}
	case actions.KindOf(err) != actions.NotFound:
		return nil, err
	default:
		refs, rerr := view.Refs(ctx, actions.BranchPrefix)
		if rerr != nil || len(refs) > 0 {
			return nil, cmp.Or(rerr, err)
		}
	}
	objects, err := view.Edit(ctx, c, f.Edit)
	if err != nil {
		return nil, err
	}
	update.After = c.SHA
	if err := s.Move(ctx, id, update, objects, push); err != nil {
		return nil, err
	}
	return view.Commit(ctx, c.SHA)
}

// Move moves a ref with the objects that are new, as a push of push's account does.
func (s *Repositories) Move(ctx context.Context, id int64, u actions.RefUpdate, objects []gitrepo.NewObject, push PushFunc) error {
	var done func(context.Context, []actions.RefUpdate) error
	err := s.git.Move(ctx, id, u, objects, gitrepo.ReceiveOptions{
		Check: func(ctx context.Context, updates []actions.RefUpdate, view *gitrepo.View) (err error) {
			done, err = push(ctx, updates, view)
			return err
		},
		Done: func(ctx context.Context, applied []actions.RefUpdate) error { return done(ctx, applied) },
	})
	if r, ok := errors.AsType[*gitrepo.Refusal](err); ok {
		return actions.Errorf(actions.Forbidden, "%s", strings.TrimPrefix(r.Error(), u.Ref+": "))
	}
	return err
}
