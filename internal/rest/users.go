package rest

import (
	"net/http"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/shape"
)

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
		Email:       shape.Null(u.Email),
		PublicRepos: publicRepos,
		CreatedAt:   shape.Time(u.CreatedAt),
		UpdatedAt:   shape.Time(u.UpdatedAt),
	}
}

// getAuthenticatedUser serves GET /user.
func (a *API) getAuthenticatedUser(w http.ResponseWriter, r *http.Request) error {
	c := callOf(r)
	switch {
	case c.caller.Anonymous():
		return errSignIn
	case c.caller.Token.Kind == actions.JobToken:
		return actions.Errorf(actions.Forbidden, "Resource not accessible by integration")
	}
	public, private, err := a.Store.CountRepositories(r.Context(), c.caller.Account.ID)
	if err != nil {
		return err
	}
	u := privateUserJSON{
		userJSON:          newUserJSON(c.base, c.caller.Account, public),
		TotalPrivateRepos: private,
		OwnedPrivateRepos: private,
	}
	u.ViewType = "private"
	return httpjson.Write(w, http.StatusOK, u)
}

var errSignIn = actions.Errorf(actions.Unauthorized, "Requires authentication")

// getUser serves GET /users/{username}.
func (a *API) getUser(w http.ResponseWriter, r *http.Request) error {
	u, err := a.Store.AccountByLogin(r.Context(), r.PathValue("username"))
	if err != nil {
		return err
	}
	public, _, err := a.Store.CountRepositories(r.Context(), u.ID)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, newUserJSON(callOf(r).base, u, public))
}
