package runnerapi

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/runners"
)

// A place is a runner scope that a request names.
type place struct {
	scope actions.Scope
	repo  *actions.Repository // of a repository's scope
	owner *actions.Account    // of an organization's scope
}

// placeOf finds the scope in a path of the REST API. What it names must exist;
// whether the caller may see it is for the caller's token to say.
func (a *API) placeOf(ctx context.Context, r *http.Request) (*place, error) {
	switch {
	case r.PathValue("repo") != "":
		repo, err := a.Auth.Repository(ctx, r.PathValue("owner"), r.PathValue("repo"))
		if err != nil {
			return nil, err
		}
		return &place{scope: actions.Scope{RepoID: repo.ID}, repo: repo}, nil
	case r.PathValue("org") != "":
		return a.organization(ctx, r.PathValue("org"))
	}
	return enterprise(r.PathValue("enterprise"))
}

// placeOfURL finds the scope that a runner was configured with, by the path of
// its --url: one segment is an organization, two are a repository, and
// enterprises/… is the site (§1).
func (a *API) placeOfURL(ctx context.Context, text string) (*place, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return nil, actions.Errorf(actions.Invalid, "url %.200q is not an absolute URL", text)
	}
	segments := strings.Split(strings.Trim(u.Path, "/"), "/")
	switch {
	case len(segments) == 2 && segments[0] == "enterprises":
		return enterprise(segments[1])
	case len(segments) == 2:
		repo, err := a.Auth.Repository(ctx, segments[0], strings.TrimSuffix(segments[1], ".git"))
		if err != nil {
			return nil, err
		}
		return &place{scope: actions.Scope{RepoID: repo.ID}, repo: repo}, nil
	case len(segments) == 1 && segments[0] != "":
		return a.organization(ctx, segments[0])
	}
	return nil, actions.Errorf(actions.Invalid, "url %.200q names no organization, repository or enterprise", text)
}

func (a *API) organization(ctx context.Context, login string) (*place, error) {
	owner, err := a.Store.AccountByLogin(ctx, login)
	if err == nil && owner.Type != actions.Organization {
		err = actions.Errorf(actions.NotFound, "organization %s", login)
	}
	if err != nil {
		return nil, err
	}
	return &place{scope: actions.Scope{OwnerID: owner.ID}, owner: owner}, nil
}

func enterprise(slug string) (*place, error) {
	if !strings.EqualFold(slug, actions.Enterprise) {
		return nil, actions.Errorf(actions.NotFound, "enterprise %s", slug)
	}
	return &place{}, nil
}

// mayManage decides whether the caller, a person with a token, may add and
// remove runners of the place.
func (a *API) mayManage(r *http.Request, p *place) error {
	caller, err := a.Auth.Authenticate(r)
	if err != nil {
		return err
	}
	switch {
	case p.repo != nil:
		return a.Auth.Can(r.Context(), caller, auth.Target{Repo: p.repo}, auth.Need{On: auth.Repo, Role: actions.Admin, Permission: "administration"})
	case p.owner != nil:
		return a.Auth.Can(r.Context(), caller, auth.Target{Org: p.owner}, auth.Need{On: auth.Org, Role: actions.Admin, Scopes: []string{"manage_runners:org"}})
	}
	return a.Auth.Can(r.Context(), caller, auth.Target{}, auth.Need{On: auth.Enterprise, Role: actions.Admin, Scopes: []string{"manage_runners:enterprise"}})
}

// remoteAuth checks a registration or removal token (§2.2), which runners show
// with a scheme of their own, and returns the scope it is for.
func (a *API) remoteAuth(r *http.Request, remove bool) (scope actions.Scope, is bool, err error) {
	text, is := httpjson.Credentials(r, "RemoteAuth")
	if is {
		scope, err = a.Runners.CheckToken(r.Context(), text, remove)
	}
	return scope, is, err
}

// mayRegister lets through whoever may register (or remove) runners of the
// place: with a registration token, with the token that was made of it, or as a
// person who may manage them.
func (a *API) mayRegister(r *http.Request, p *place, remove bool) error {
	scope, is, err := a.remoteAuth(r, remove)
	if err != nil {
		return err
	}
	if is {
		if scope != p.scope {
			return runners.ErrOtherScope
		}
		return nil
	}
	if text, err := httpjson.Bearer(r); err == nil {
		if is, err := a.Runners.CheckAdminToken(text, p.scope, remove); is {
			return err
		}
	}
	return a.mayManage(r, p)
}
