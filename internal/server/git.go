package server

import (
	"context"
	"net/http"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/githttp"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/httpjson"
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
		access.Push = s.push(caller, repo, httpjson.Base(r))
	case actions.Forbidden, actions.NotFound, actions.Unauthorized:
	default:
		return nil, err
	}
	return access, nil
}

// push is what a push by the caller does: an intent before refs move, runs
// after.
func (s *Server) push(caller *auth.Caller, repo *actions.Repository, base shape.Base) githttp.PushFunc {
	return func(ctx context.Context, updates []actions.RefUpdate, view *gitrepo.View) (func(context.Context, []actions.RefUpdate) error, error) {
		if err := s.repositories.BeforePush(ctx, repo.ID, updates, view); err != nil {
			return nil, err
		}
		p := &actions.Push{RepoID: repo.ID, ActorID: caller.Account.ID, ByJob: caller.Job() != 0, Updates: updates}
		if err := s.trigger.Intend(ctx, p); err != nil {
			return nil, err
		}
		return func(ctx context.Context, applied []actions.RefUpdate) error {
			return s.trigger.Pushed(ctx, base, p, applied)
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
	return s.apiPush(c.Caller, c.Repo, c.Base)
}

// apiPush is restPush of a caller of any API.
func (s *Server) apiPush(caller *auth.Caller, repo *actions.Repository, base shape.Base) repository.PushFunc {
	push := s.push(caller, repo, base)
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
	abilities = map[pull.Ability]auth.Need{pull.See: auth.Metadata, pull.Push: pushes, pull.Manage: pushes}
	ofJobs    = auth.Need{On: auth.Repo, Role: actions.Write, Permission: "pull-requests"}
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
		Push: func(repo *actions.Repository) repository.PushFunc { return s.apiPush(caller, repo, base) },
	}
}
