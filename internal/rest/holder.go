package rest

import (
	"context"
	"net/http"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
)

// A Holder is one of the three that have secrets and variables. The reference describes
// each of their operations three times.
type Holder struct {
	Path        string // before /secrets and /variables
	Name        string // in the reference: "organization"
	Article     string // before it: "an"
	Read, Write auth.Need
}

// Holders are an organization, a repository, and an environment of one. Permissions are
// those that a fine-grained token needs: of organizations and of repositories.
func Holders(ofOrganization, ofRepository string) []Holder {
	holders := []Holder{
		{Path: "/orgs/{org}/actions", Name: "organization", Article: "an", Write: auth.Need{
			On: auth.Org, Role: actions.Admin, Permission: ofOrganization, Scopes: []string{"admin:org"},
		}},
		{Path: "/repos/{owner}/{repo}/actions", Name: "repository", Article: "a", Write: auth.Need{
			On: auth.Repo, Role: actions.Write, Permission: ofRepository, SignedIn: true, Granted: true,
		}},
		{Path: "/repos/{owner}/{repo}/environments/{environment_name}", Name: "environment", Article: "an", Write: auth.Need{
			On: auth.Repo, Role: actions.Write, Permission: "environments", SignedIn: true, Granted: true,
		}},
	}
	for i := range holders {
		holders[i].Read = holders[i].Write
		holders[i].Read.Level = auth.ReadLevel
	}
	return holders
}

// HasEnvironments is the store, to those who find environments.
type HasEnvironments interface {
	Environment(ctx context.Context, repoID int64, name string) (*actions.Environment, error)
}

// HolderOf is who has the secrets or variables that a request is about.
func HolderOf(r *http.Request, st HasEnvironments) (actions.Holder, error) {
	c := CallOf(r)
	if c.Repo == nil {
		return actions.Holder{OrgID: c.Org.ID}, nil
	}
	h, name := actions.Holder{RepoID: c.Repo.ID}, r.PathValue("environment_name")
	if name == "" {
		return h, nil
	}
	e, err := st.Environment(r.Context(), c.Repo.ID, name)
	if err != nil {
		return h, err
	}
	h.EnvironmentID, h.Environment = e.ID, e.Name
	return h, nil
}
