// Package collaborators is the page "Collaborators" of the reference.
package collaborators

import (
	"net/http"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
)

// Routes are the operations of the page.
func Routes(st *store.Store, au *auth.Auth) []rest.Route {
	const (
		one  = "/repos/{owner}/{repo}/collaborators/{username}"
		docs = "rest/collaborators/collaborators#"
	)
	administer := auth.Need{On: auth.Repo, Role: actions.Admin, Permission: "administration"}
	look := auth.Need{On: auth.Repo, Role: actions.Write, Permission: "metadata", Level: auth.ReadLevel}
	p := &page{st, au}
	return []rest.Route{
		{Pattern: "PUT " + one, Handle: p.add, Docs: docs + "add-a-repository-collaborator", Need: administer},
		{Pattern: "DELETE " + one, Handle: p.remove, Docs: docs + "remove-a-repository-collaborator", Need: administer},
		{Pattern: "GET " + one + "/permission", Handle: p.getPermission, Docs: docs + "get-repository-permissions-for-a-user", Need: look},
	}
}

type page struct {
	store *store.Store
	auth  *auth.Auth
}

// add serves PUT /repos/{owner}/{repo}/collaborators/{username}.
// There are no invitations: access is given at once, as on an Enterprise Server.
func (p *page) add(w http.ResponseWriter, r *http.Request) error {
	u, err := rest.PathUser(r, p.store)
	if err != nil {
		return err
	}
	body := struct {
		Permission string `json:"permission"`
	}{"push"}
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	given, err := actions.ParsePermission(body.Permission)
	if err != nil {
		return actions.InField("Repository", "permission", err)
	}
	return p.set(w, r, u, given)
}

// remove serves DELETE /repos/{owner}/{repo}/collaborators/{username}.
func (p *page) remove(w http.ResponseWriter, r *http.Request) error {
	u, err := rest.PathUser(r, p.store)
	if err != nil {
		return err
	}
	return p.set(w, r, u, actions.NoAccess)
}

func (p *page) set(w http.ResponseWriter, r *http.Request, u *actions.Account, given actions.Permission) error {
	if err := p.store.SetCollaborator(r.Context(), rest.CallOf(r).Repo.ID, u.ID, given); err != nil {
		return err
	}
	return rest.NoContent(w)
}

type collaboratorJSON struct {
	*shape.SimpleUser
	Permissions *shape.Permissions `json:"permissions"`
	RoleName    string             `json:"role_name"`
}

type collaboratorPermissionJSON struct {
	Permission string            `json:"permission"` // one of four: none, read, write, admin
	RoleName   string            `json:"role_name"`
	User       *collaboratorJSON `json:"user"`
}

// getPermission serves GET /repos/{owner}/{repo}/collaborators/{username}/permission.
func (p *page) getPermission(w http.ResponseWriter, r *http.Request) error {
	u, err := rest.PathUser(r, p.store)
	if err != nil {
		return err
	}
	c := rest.CallOf(r)
	has, err := p.auth.AccountPermission(r.Context(), u, c.Repo)
	if err != nil {
		return err
	}
	coarse := has
	switch has {
	case actions.Triage:
		coarse = actions.Read
	case actions.Maintain:
		coarse = actions.Write
	case actions.NoAccess, actions.Read, actions.Write, actions.Admin:
	}
	return httpjson.Write(w, http.StatusOK, collaboratorPermissionJSON{
		Permission: coarse.String(),
		RoleName:   has.String(),
		User:       &collaboratorJSON{shape.NewSimpleUser(c.Base, u), shape.NewPermissions(has), has.String()},
	})
}
