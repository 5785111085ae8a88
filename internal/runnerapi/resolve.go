package runnerapi

import (
	"context"
	"fmt"
	"net/http"
	"path"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/builtin"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/wire"
)

const maxActions = 1000 // in one question

// resolveActions serves POST …/runnerresolve/actions (ACT-1): which commit a
// reference means, and where its archive is. Unknown ones are all named in one
// answer, which fails the job at once. So do those that the permissions of Actions in the
// job's repository do not allow, also where another action uses them.
func (a *API) resolveActions(w http.ResponseWriter, r *http.Request) error {
	job, err := a.callingJob(r)
	if err != nil {
		return err
	}
	if !strings.EqualFold(r.PathValue("job"), job.GUID) || job.Status == actions.Completed {
		return actions.Errorf(actions.NotFound, "job %s is not in progress", r.PathValue("job"))
	}
	var req wire.ResolveActionsRequest
	if err := httpjson.Decode(r, &req, 1<<20); err != nil {
		return err
	}
	if len(req.Actions) > maxActions {
		return actions.Errorf(actions.Invalid, "%d actions are more than %d", len(req.Actions), maxActions)
	}
	if why, err := a.notAllowed(r.Context(), job, req.Actions); err != nil {
		return err
	} else if why != "" {
		return httpjson.Write(w, http.StatusUnprocessableEntity, wire.ResolveActionsError{
			Errors: map[string]wire.ActionError{req.Actions[0].Key(): {Message: why}},
		})
	}
	found := wire.ResolveActionsResponse{Actions: make(map[string]wire.ActionInfo)}
	missing := wire.ResolveActionsError{Errors: make(map[string]wire.ActionError)}
	for _, ref := range req.Actions {
		if _, ok := found.Actions[ref.Key()]; ok {
			continue // another directory of the same commit
		}
		info, err := a.resolve(r, job, ref)
		switch actions.KindOf(err) {
		case "":
			found.Actions[ref.Key()] = *info
		case actions.NotFound, actions.Invalid:
			missing.Errors[ref.Key()] = wire.ActionError{Message: err.Error()}
		default:
			return fmt.Errorf("action %s: %w", ref.Key(), err)
		}
	}
	if len(missing.Errors) > 0 {
		return httpjson.Write(w, http.StatusUnprocessableEntity, missing)
	}
	return httpjson.Write(w, http.StatusOK, found)
}

// notAllowed says why a job may not use some actions; empty where it may.
func (a *API) notAllowed(ctx context.Context, job *actions.Job, refs []wire.ActionRef) (string, error) {
	own, err := a.Store.Repository(ctx, job.RepoID)
	if err != nil {
		return "", err
	}
	uses := make([]actions.Use, len(refs))
	for i, ref := range refs {
		uses[i].Name = ref.Action + "@" + ref.Version
		if dir := strings.Trim(ref.Path, "/"); dir != "" {
			uses[i].Name = ref.Action + "/" + dir + "@" + ref.Version
		}
	}
	return a.Policy.Refusal(ctx, own, uses)
}

// resolve finds an action in a repository of this server, or among those that
// the server carries itself.
func (a *API) resolve(r *http.Request, job *actions.Job, ref wire.ActionRef) (*wire.ActionInfo, error) {
	own, known := a.Builtin.Find(ref.Action)
	carried := known && a.BuiltinPolicy != builtin.Never
	if carried && a.BuiltinPolicy == builtin.Prefer {
		return a.resolveBuiltin(r, job, ref, own, "the operator prefers it")
	}
	repo, err := a.actionRepository(r.Context(), job, ref)
	if carried && actions.KindOf(err) == actions.NotFound {
		return a.resolveBuiltin(r, job, ref, own, "this server has no repository "+own.Name)
	}
	if known && actions.KindOf(err) == actions.NotFound {
		err = fmt.Errorf("%w; the one that Understudy carries is switched off (--builtin-actions never)", err)
	}
	if err != nil {
		return nil, err
	}
	sha, err := a.commitOf(r.Context(), repo, ref.Version)
	if k := actions.KindOf(err); k == actions.NotFound || k == actions.Invalid {
		return nil, actions.Errorf(actions.NotFound, "Unable to resolve action `%.200s`, unable to find version `%.100s`", ref.Key(), ref.Version)
	}
	if err != nil {
		return nil, err
	}
	info := &wire.ActionInfo{Name: ref.Action, ResolvedName: repo.FullName(), ResolvedSHA: sha, Version: ref.Version}
	return info, a.locate(r, job, info, archive{repo: repo.ID, job: job.ID, part: a.Logs.NewPart(), sha: sha, name: repo.Name})
}

// actionRepository is the repository of an action, if the job may read it: its own, a
// public one, or one that shares its actions with the job's.
func (a *API) actionRepository(ctx context.Context, job *actions.Job, ref wire.ActionRef) (*actions.Repository, error) {
	owner, name, _ := strings.Cut(ref.Action, "/")
	repo, err := a.Auth.Repository(ctx, owner, name)
	unknown := actions.KindOf(err) == actions.NotFound || actions.KindOf(err) == actions.Invalid
	if err == nil && repo.Private && repo.ID != job.RepoID {
		var may bool
		if may, err = a.shares(ctx, repo, job); err != nil {
			return nil, err
		}
		unknown = !may
	}
	if unknown {
		return nil, actions.Errorf(actions.NotFound, "Unable to resolve action `%.200s`, repository not found: push it to this server as a public repository", ref.Key())
	}
	return repo, err
}

// shares says whether a private repository lets the workflows of a job's use its actions.
func (a *API) shares(ctx context.Context, repo *actions.Repository, job *actions.Job) (bool, error) {
	own, err := a.Store.Repository(ctx, job.RepoID)
	if err != nil {
		return false, err
	}
	return a.Settings.MayUse(ctx, own, repo)
}

// resolveBuiltin answers with an action that the server carries, whatever the
// version, and notes that in the log of the job.
func (a *API) resolveBuiltin(r *http.Request, job *actions.Job, ref wire.ActionRef, own *builtin.Action, why string) (*wire.ActionInfo, error) {
	at := archive{job: job.ID, part: a.Logs.NewPart(), sha: own.SHA, name: path.Base(own.Name)}
	info := &wire.ActionInfo{Name: ref.Action, ResolvedName: "understudy/" + own.Name, ResolvedSHA: own.SHA, Version: ref.Version}
	if err := a.locate(r, job, info, at); err != nil {
		return nil, err
	}
	note := fmt.Sprintf("%.200s is the action that Understudy carries itself (SHA:%s): %s", ref.Key(), own.SHA, why)
	if err := a.Logs.Note(r.Context(), job, at.part, note); err != nil { // the action itself says it, too
		a.Log.WarnContext(r.Context(), "built-in action not noted in the log of its job", "job", job.ID, "err", err)
	}
	return info, nil
}

// commitOf is the commit that a version means. A commit that no branch or tag
// of the repository reaches is not found: anybody may have made it.
func (a *API) commitOf(ctx context.Context, repo *actions.Repository, version string) (string, error) {
	view := a.Git.View(repo.ID)
	sha, err := view.Resolve(ctx, version)
	if err != nil || !gitrepo.IsSHA(version) {
		return sha, err
	}
	reachable, err := view.Reachable(ctx, sha, nil)
	if err == nil && !reachable {
		err = actions.Errorf(actions.NotFound, "commit %s", sha)
	}
	return sha, err
}
