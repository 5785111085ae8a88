package server

import (
	"context"
	"errors"
	"net/http"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/githttp"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/protect"
	"github.com/understudy-ci/understudy/internal/pull"
	"github.com/understudy-ci/understudy/internal/repository"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/shape"
)

// gitAccess says what the caller of a git request may do: the same decision as
// for every other surface.
func (s *Server) gitAccess(r *http.Request, owner, name string) (*githttp.Access, error) {
	caller, err := s.auth.Authenticate(r)
	if err != nil {
		return nil, err
	}
	repo, err := s.auth.Repository(r.Context(), owner, name)
	if err != nil {
		return nil, err
	}
	if err := s.auth.Can(r.Context(), caller, auth.Target{Repo: repo}, auth.Need{On: auth.Repo, Role: actions.Read, Permission: "contents"}); err != nil {
		return nil, err
	}
	runs, err := s.auth.May(r.Context(), caller, auth.Target{Repo: repo}, auth.ReadRuns)
	if err != nil {
		return nil, err
	}
	access := &githttp.Access{RepoID: repo.ID, Archived: repo.Archived, Known: s.repositories.Known(repo.ID, runs), Workflows: caller.HasScope("workflow"), App: caller.Job() != 0}
	err = s.auth.Can(r.Context(), caller, auth.Target{Repo: repo}, auth.Need{On: auth.Repo, Role: actions.Write, Permission: "contents", SignedIn: true})
	switch actions.KindOf(err) { // the others are failures
	case "":
		access.Push = s.gitPush(caller, repo, httpjson.Base(r))
	case actions.Forbidden, actions.NotFound, actions.Unauthorized:
	default:
		return nil, err
	}
	return access, nil
}

// gitPush is what a push by git does, whose refusals have the words that git shows.
func (s *Server) gitPush(caller *auth.Caller, repo *actions.Repository, base shape.Base) githttp.PushFunc {
	push := s.push(caller, repo, base, nil)
	return func(ctx context.Context, updates []actions.RefUpdate, view *gitrepo.View) (func(context.Context, []actions.RefUpdate) error, error) {
		done, err := push(ctx, updates, view)
		if e, ok := errors.AsType[*protect.Error](err); ok {
			return nil, e.Refusal()
		}
		return done, err
	}
}

// push is what a push by the caller does: protected branches have a say, then there is an
// intent before refs move, and runs after. p is the pull request that it merges, or nil.
func (s *Server) push(caller *auth.Caller, repo *actions.Repository, base shape.Base, p *actions.Pull) githttp.PushFunc {
	return func(ctx context.Context, updates []actions.RefUpdate, view *gitrepo.View) (func(context.Context, []actions.RefUpdate) error, error) {
		permission, err := s.auth.Permission(ctx, caller, repo)
		if err != nil {
			return nil, err
		}
		by := protect.Mover{Account: caller.Account, Admin: permission >= actions.Admin}
		if err := s.protect.Check(ctx, by, repo, updates, view, p); err != nil {
			return nil, err
		}
		if err := s.repositories.BeforePush(ctx, repo.ID, updates, view); err != nil {
			return nil, err
		}
		push := &actions.Push{RepoID: repo.ID, ActorID: caller.Account.ID, ByJob: caller.Job() != 0, Updates: updates}
		if err := s.trigger.Intend(ctx, push); err != nil {
			return nil, err
		}
		return func(ctx context.Context, applied []actions.RefUpdate) error {
			return s.trigger.Pushed(ctx, base, push, applied)
		}, nil
	}
}

// announce makes the runs of what has happened to a pull request: as those of a push.
func (s *Server) announce(ctx context.Context, base shape.Base, p *actions.Push) {
	if err := s.trigger.Pushed(ctx, base, p, nil); err != nil {
		s.log.WarnContext(ctx, "runs of a pull request come later", "repo", p.RepoID, "err", err)
	}
}

// restPush is what a change of refs by a call of the REST API does: the same as a push
// of its caller by git.
func (s *Server) restPush(c *rest.Call) repository.PushFunc {
	return s.apiPush(c.Caller, c.Repo, c.Base, nil)
}

// apiPush is restPush of a caller of any API.
func (s *Server) apiPush(caller *auth.Caller, repo *actions.Repository, base shape.Base, p *actions.Pull) repository.PushFunc {
	push := s.push(caller, repo, base, p)
	return func(ctx context.Context, updates []actions.RefUpdate, view *gitrepo.View) (func(context.Context, []actions.RefUpdate) error, error) {
		if !caller.HasScope("workflow") {
			if err := view.RefuseWorkflows(ctx, updates, caller.Job() != 0); err != nil {
				return nil, err
			}
		}
		return push(ctx, updates, view)
	}
}

// What a caller must be able to, to do to pull requests what [pull.Ability] says.
var (
	pushes    = auth.Need{On: auth.Repo, Role: actions.Write, Permission: "contents", Level: auth.ReadLevel, SignedIn: true}
	abilities = map[pull.Ability]auth.Need{
		pull.See: auth.Metadata, pull.Push: pushes, pull.Manage: pushes,
		pull.Triage: {On: auth.Repo, Role: actions.Triage, Permission: "pull-requests", Level: auth.WriteLevel, SignedIn: true},
	}
	ofJobs = auth.Need{On: auth.Repo, Role: actions.Write, Permission: "pull-requests"}
)

// puller is a caller as who does something to pull requests.
func (s *Server) puller(caller *auth.Caller, base shape.Base) pull.Actor {
	return pull.Actor{
		Account: caller.Account, ByJob: caller.Job() != 0, Base: base,
		May: func(ctx context.Context, repo *actions.Repository, what pull.Ability) (bool, error) {
			need := abilities[what]
			if what == pull.Manage && caller.Job() != 0 {
				need = ofJobs
			}
			return s.auth.May(ctx, caller, auth.Target{Repo: repo}, need)
		},
		Push: func(repo *actions.Repository, p *actions.Pull) repository.PushFunc {
			return s.apiPush(caller, repo, base, p)
		},
	}
}
