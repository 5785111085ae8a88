// Package users is the page "Users" of the reference.
package users

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
func Routes(st *store.Store) []rest.Route {
	const docs = "rest/users/users#"
	p := &page{st}
	return []rest.Route{
		{Pattern: "GET /user", Handle: p.getAuthenticated, Docs: docs + "get-the-authenticated-user", Need: auth.Need{On: auth.User}},
		{Pattern: "GET /users/{username}", Handle: p.get, Docs: docs + "get-a-user", Need: auth.Need{On: auth.Site, Public: true}},
	}
}

type page struct{ store *store.Store }

// userJSON is an account as everybody sees it.
type userJSON struct {
	*shape.SimpleUser
	ViewType    string  `json:"user_view_type"` // "public" or "private"
	Name        *string `json:"name"`
	Company     *string `json:"company"`
	Blog        string  `json:"blog"`
	Location    *string `json:"location"`
	Email       *string `json:"email"`
	Hireable    *bool   `json:"hireable"`
	Bio         *string `json:"bio"`
	PublicRepos int     `json:"public_repos"`
	PublicGists int     `json:"public_gists"`
	Followers   int     `json:"followers"`
	Following   int     `json:"following"`
	CreatedAt   string  `json:"created_at"`
	UpdatedAt   string  `json:"updated_at"`
}

// privateUserJSON is an account as it sees itself.
type privateUserJSON struct {
	userJSON
	PrivateGists      int  `json:"private_gists"`
	TotalPrivateRepos int  `json:"total_private_repos"`
	OwnedPrivateRepos int  `json:"owned_private_repos"`
	DiskUsage         int  `json:"disk_usage"`
	Collaborators     int  `json:"collaborators"`
	TwoFactor         bool `json:"two_factor_authentication"`
}

func newUserJSON(b shape.Base, u *actions.Account, publicRepos int) userJSON {
	return userJSON{
		SimpleUser:  shape.NewSimpleUser(b, u),
		ViewType:    "public",
		Name:        shape.Null(u.Name),
		PublicRepos: publicRepos,
		CreatedAt:   shape.Time(u.CreatedAt),
		UpdatedAt:   shape.Time(u.UpdatedAt),
	}
}

// getAuthenticated serves GET /user.
func (p *page) getAuthenticated(w http.ResponseWriter, r *http.Request) error {
	c := rest.CallOf(r)
	public, private, err := p.store.CountRepositories(r.Context(), c.Caller.Account.ID)
	if err != nil {
		return err
	}
	u := privateUserJSON{
		userJSON:          newUserJSON(c.Base, c.Caller.Account, public),
		TotalPrivateRepos: private,
		OwnedPrivateRepos: private,
	}
	u.ViewType, u.Email = "private", shape.Null(c.Caller.Account.Email)
	return httpjson.Write(w, http.StatusOK, u)
}

// get serves GET /users/{username}. An e-mail address is for the person and for site
// admins: nobody has published one.
func (p *page) get(w http.ResponseWriter, r *http.Request) error {
	u, err := p.store.AccountByLogin(r.Context(), r.PathValue("username"))
	if err != nil {
		return err
	}
	public, _, err := p.store.CountRepositories(r.Context(), u.ID)
	if err != nil {
		return err
	}
	c := rest.CallOf(r)
	v := newUserJSON(c.Base, u, public)
	if me := c.Caller.Account; me != nil && (me.ID == u.ID || me.SiteAdmin) && c.Caller.Job() == 0 {
		v.Email = shape.Null(u.Email)
	}
	return httpjson.Write(w, http.StatusOK, v)
}
