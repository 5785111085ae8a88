package runnerapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/builtin"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/upstream"
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
	ctx, cancel := context.WithTimeout(r.Context(), cmp.Or(a.ResolveTime, patience))
	defer cancel()
	answers, err := a.resolveAll(ctx, r, job, req.Actions)
	if err != nil {
		return err
	}
	found := wire.ResolveActionsResponse{Actions: make(map[string]wire.ActionInfo)}
	missing := wire.ResolveActionsError{Errors: make(map[string]wire.ActionError)}
	var locked []*actions.LockedAction
	for key, ans := range answers {
		if ans.refusal != "" {
			missing.Errors[key] = wire.ActionError{Message: ans.refusal}
			continue
		}
		found.Actions[key] = *ans.info
		locked = append(locked, ans.locked)
	}
	if len(missing.Errors) > 0 {
		return httpjson.Write(w, http.StatusUnprocessableEntity, missing)
	}
	if len(locked) > 0 {
		slices.SortFunc(locked, func(a, b *actions.LockedAction) int {
			return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Ref, b.Ref))
		})
		if err := a.Upstream.Lock(r.Context(), job, locked); err != nil {
			return err
		}
	}
	return httpjson.Write(w, http.StatusOK, found)
}

const (
	// patience is how long an answer waits for actions of other hosts. Runners hang up
	// after 100 seconds, and ask again.
	patience = time.Minute

	resolvedAtOnce = 4 // of one question
)

// An answered is what became of a reference.
type answered struct {
	info    *wire.ActionInfo
	locked  *actions.LockedAction
	refusal string // why there is no such action
}

// resolveAll resolves references, some at the same time. What is in several directories of
// one commit is the same.
func (a *API) resolveAll(ctx context.Context, r *http.Request, job *actions.Job, refs []wire.ActionRef) (map[string]*answered, error) {
	answers := make(map[string]*answered, len(refs))
	todo, ctx := errgroup.WithContext(ctx)
	todo.SetLimit(resolvedAtOnce)
	for _, ref := range refs {
		if answers[ref.Key()] != nil {
			continue
		}
		ans := new(answered)
		answers[ref.Key()] = ans
		todo.Go(func() (err error) {
			ans.info, ans.locked, err = a.resolve(ctx, r, job, ref)
			switch actions.KindOf(err) {
			case "":
				return nil
			case actions.NotFound, actions.Invalid:
				ans.refusal = err.Error()
				return nil
			default:
				return fmt.Errorf("action %s: %w", ref.Key(), err)
			}
		})
	}
	return answers, todo.Wait()
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

// resolve finds an action in a repository of this server, at another host, or among
// those that the server carries itself.
func (a *API) resolve(ctx context.Context, r *http.Request, job *actions.Job, ref wire.ActionRef) (*wire.ActionInfo, *actions.LockedAction, error) {
	own, known := a.Builtin.Find(ref.Action)
	carried := known && a.BuiltinPolicy != builtin.Never
	if carried && a.BuiltinPolicy == builtin.Prefer {
		return a.resolveBuiltin(r, job, ref, own, "the operator prefers it")
	}
	repo, err := a.actionRepository(ctx, job, ref)
	if actions.KindOf(err) == actions.NotFound {
		return a.resolveElsewhere(ctx, r, job, ref, own, carried)
	}
	if err != nil {
		return nil, nil, err
	}
	sha, err := a.commitOf(ctx, repo, ref.Version)
	if k := actions.KindOf(err); k == actions.NotFound || k == actions.Invalid {
		return nil, nil, actions.Errorf(actions.NotFound, "Unable to resolve action `%.200s`, unable to find version `%.100s`", ref.Key(), ref.Version)
	}
	if err != nil {
		return nil, nil, err
	}
	info, lock := resolved(ref, repo.FullName(), sha, actions.OfRepository)
	return info, lock, a.locate(r, job, info, archive{repo: repo.ID, job: job.ID, part: a.Logs.NewPart(), sha: sha, name: repo.Name})
}

// resolved is an action without the URLs of its archive, and what is written down of it.
func resolved(ref wire.ActionRef, name, sha string, from actions.ActionOrigin) (*wire.ActionInfo, *actions.LockedAction) {
	return &wire.ActionInfo{Name: ref.Action, ResolvedName: name, ResolvedSHA: sha, Version: ref.Version},
		&actions.LockedAction{Name: name, Ref: ref.Version, SHA: sha, Origin: from}
}

// resolveElsewhere finds an action that is in no repository here.
func (a *API) resolveElsewhere(ctx context.Context, r *http.Request, job *actions.Job, ref wire.ActionRef, own *builtin.Action, carried bool) (*wire.ActionInfo, *actions.LockedAction, error) {
	found, err := a.Upstream.Resolve(ctx, upstream.Ask{Name: ref.Action, Ref: ref.Version, RepoID: job.RepoID, StandIn: carried})
	switch {
	case err == nil:
		return a.resolveKept(r, job, ref, found)
	case carried && errors.Is(err, upstream.ErrUnreachable):
		return a.resolveBuiltin(r, job, ref, own, "this server has no repository "+own.Name+", and "+actions.Clip(err.Error(), 300))
	case carried && actions.KindOf(err) == actions.NotFound && !upstream.LacksVersion(err):
		return a.resolveBuiltin(r, job, ref, own, "this server has no repository "+own.Name)
	case r.Context().Err() != nil:
		return nil, nil, r.Context().Err()
	case ctx.Err() != nil:
		return nil, nil, actions.Errorf(actions.Unavailable, "%.200s is being fetched: ask again", ref.Key())
	}
	switch k := actions.KindOf(err); {
	case errors.Is(err, upstream.ErrUnreachable), k == actions.NotFound, k == actions.Invalid, k == actions.Forbidden:
		err = actions.Errorf(actions.NotFound, "Unable to resolve action `%.200s`, %s", ref.Key(), actions.Clip(err.Error(), 600))
		if own != nil && !carried {
			err = fmt.Errorf("%w; the one that Understudy carries is switched off (--builtin-actions never)", err)
		}
	}
	return nil, nil, err
}

// resolveKept answers with an action of another host.
func (a *API) resolveKept(r *http.Request, job *actions.Job, ref wire.ActionRef, found *upstream.Found) (*wire.ActionInfo, *actions.LockedAction, error) {
	kept := found.Action
	at := archive{kept: kept.ID, job: job.ID, part: a.Logs.NewPart(), sha: kept.SHA, name: path.Base(kept.Name)}
	info, lock := resolved(ref, kept.Name, kept.SHA, kept.Origin)
	lock.Host, lock.KeptAt, lock.AskedAt = kept.Host, kept.KeptAt, found.AskedAt
	if err := a.locate(r, job, info, at); err != nil {
		return nil, nil, err
	}
	if found.Stale != nil {
		note := fmt.Sprintf("##[warning]%.200s is what it was at %s (SHA:%s): %s", ref.Key(), found.AskedAt.UTC().Format(time.RFC3339), kept.SHA, actions.Clip(found.Stale.Error(), 300))
		if err := a.Logs.Note(r.Context(), job, a.Logs.NewPart(), note); err != nil {
			a.Log.WarnContext(r.Context(), "kept action not noted in the log of its job", "job", job.ID, "err", err)
		}
	}
	return info, lock, nil
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
// What a fork says gets none, unless it gets secrets, too: who has the fork would read them.
func (a *API) shares(ctx context.Context, repo *actions.Repository, job *actions.Job) (bool, error) {
	own, err := a.Store.Repository(ctx, job.RepoID)
	if err != nil {
		return false, err
	}
	run, err := a.Store.Run(ctx, job.RunID)
	if err != nil {
		return false, err
	}
	if run.Restricted() {
		if forks, err := a.Settings.ForkRunsOf(ctx, own); err != nil || !forks.Secrets {
			return false, err
		}
	}
	return a.Settings.MayUse(ctx, own, repo)
}

// resolveBuiltin answers with an action that the server carries, whatever the
// version, and notes that in the log of the job.
func (a *API) resolveBuiltin(r *http.Request, job *actions.Job, ref wire.ActionRef, own *builtin.Action, why string) (*wire.ActionInfo, *actions.LockedAction, error) {
	at := archive{job: job.ID, part: a.Logs.NewPart(), sha: own.SHA, name: path.Base(own.Name)}
	info, lock := resolved(ref, "understudy/"+own.Name, own.SHA, actions.BuiltIn)
	lock.Name = own.Name
	if err := a.locate(r, job, info, at); err != nil {
		return nil, nil, err
	}
	note := fmt.Sprintf("%.200s is the action that Understudy carries itself (SHA:%s): %s", ref.Key(), own.SHA, why)
	if err := a.Logs.Note(r.Context(), job, at.part, note); err != nil { // the action itself says it, too
		a.Log.WarnContext(r.Context(), "built-in action not noted in the log of its job", "job", job.ID, "err", err)
	}
	return info, lock, nil
}

// commitOf is the commit that a version means. A commit that no branch or tag
// of the repository reaches is not found: anybody may have made it, also where a pull
// request leads to it.
func (a *API) commitOf(ctx context.Context, repo *actions.Repository, version string) (string, error) {
	view := a.Git.View(repo.ID)
	sha, err := view.Resolve(ctx, version)
	if err != nil || !gitrepo.IsSHA(version) {
		return sha, err
	}
	ours, err := view.OnBranchOrTag(ctx, sha)
	if err == nil && !ours {
		err = actions.Errorf(actions.NotFound, "commit %s", sha)
	}
	return sha, err
}
