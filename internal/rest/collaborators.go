package rest

import (
	"net/http"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/shape"
)

// addCollaborator serves PUT /repos/{owner}/{repo}/collaborators/{username}.
// There are no invitations: access is given at once, as on an Enterprise Server.
func (a *API) addCollaborator(w http.ResponseWriter, r *http.Request) error {
	u, err := a.user(r)
	if err != nil {
		return err
	}
	body := struct {
		Permission string `json:"permission"`
	}{"push"}
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	p, err := actions.ParsePermission(body.Permission)
	if err != nil {
		return custom("Repository", "permission", err)
	}
	return a.setCollaborator(w, r, u, p)
}

// removeCollaborator serves DELETE /repos/{owner}/{repo}/collaborators/{username}.
func (a *API) removeCollaborator(w http.ResponseWriter, r *http.Request) error {
	u, err := a.user(r)
	if err != nil {
		return err
	}
	return a.setCollaborator(w, r, u, actions.NoAccess)
}

func (a *API) setCollaborator(w http.ResponseWriter, r *http.Request, u *actions.Account, p actions.Permission) error {
	if err := a.Store.SetCollaborator(r.Context(), callOf(r).repo.ID, u.ID, p); err != nil {
		return err
	}
	a.Auth.Changed()
	return noContent(w)
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

// getCollaboratorPermission serves GET /repos/{owner}/{repo}/collaborators/{username}/permission.
func (a *API) getCollaboratorPermission(w http.ResponseWriter, r *http.Request) error {
	u, err := a.user(r)
	if err != nil {
		return err
	}
	c := callOf(r)
	p, err := a.Auth.AccountPermission(r.Context(), u, c.repo)
	if err != nil {
		return err
	}
	coarse := p
	switch p {
	case actions.Triage:
		coarse = actions.Read
	case actions.Maintain:
		coarse = actions.Write
	case actions.NoAccess, actions.Read, actions.Write, actions.Admin:
	}
	return httpjson.Write(w, http.StatusOK, collaboratorPermissionJSON{
		Permission: coarse.String(),
		RoleName:   p.String(),
		User:       &collaboratorJSON{shape.NewSimpleUser(c.base, u), shape.NewPermissions(p), p.String()},
	})
}
