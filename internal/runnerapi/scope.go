package runnerapi

import (
	"context"
	"net/url"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/runners"
)

// placeOf is [API.scopeOf] for a caller whose token is not checked yet: what does not
// exist is a place that no token is good for, so that the answer does not tell.
func (a *API) placeOf(ctx context.Context, text string) (actions.Scope, error) {
	scope, err := a.scopeOf(ctx, text)
	if actions.KindOf(err) == actions.NotFound {
		return runners.Nowhere(), nil
	}
	return scope, err
}

// scopeOf finds the scope that a runner was configured with, by the path of its
// --url: one segment is an organization, two are a repository, and enterprises/… is
// the site (REG-1).
func (a *API) scopeOf(ctx context.Context, text string) (actions.Scope, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return actions.Scope{}, actions.Errorf(actions.Invalid, "url %.200q is not an absolute URL", text)
	}
	segments := strings.Split(strings.Trim(u.Path, "/"), "/")
	switch {
	case len(segments) == 2 && segments[0] == "enterprises":
		if !strings.EqualFold(segments[1], actions.Enterprise) {
			return actions.Scope{}, actions.Errorf(actions.NotFound, "enterprise %s", segments[1])
		}
		return actions.Scope{}, nil
	case len(segments) == 2:
		repo, err := a.Auth.Repository(ctx, segments[0], strings.TrimSuffix(segments[1], ".git"))
		if err != nil {
			return actions.Scope{}, err
		}
		return actions.Scope{RepoID: repo.ID}, nil
	case len(segments) == 1 && segments[0] != "":
		owner, err := a.Store.AccountByLogin(ctx, segments[0])
		if err == nil && owner.Type != actions.Organization {
			err = actions.Errorf(actions.NotFound, "organization %s", segments[0])
		}
		if err != nil {
			return actions.Scope{}, err
		}
		return actions.Scope{OwnerID: owner.ID}, nil
	}
	return actions.Scope{}, actions.Errorf(actions.Invalid, "url %.200q names no organization, repository or enterprise", text)
}
