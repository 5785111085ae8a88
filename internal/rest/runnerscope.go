package rest

import (
	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
)

// A RunnerScope is one of the three that runners and their groups are in. The
// reference describes each of their operations three times.
type RunnerScope struct {
	Path        string    // before /actions/runners
	Name        string    // in the reference: "an-organization"
	Docs        string    // how the path of their page in the reference begins
	Read, Write auth.Need // to see runners, and to change what there is of them
}

// RunnerScopes are a repository, an organization, and the enterprise.
func RunnerScopes() []RunnerScope {
	scopes := []RunnerScope{
		{Path: "/repos/{owner}/{repo}", Name: "a-repository", Write: auth.Need{
			On: auth.Repo, Role: actions.Admin, Permission: "administration",
		}},
		{Path: "/orgs/{org}", Name: "an-organization", Write: auth.Need{
			On: auth.Org, Role: actions.Admin, Permission: "organization_self_hosted_runners", Scopes: []string{"admin:org", "manage_runners:org"},
		}},
		{Path: "/enterprises/{enterprise}", Name: "an-enterprise", Docs: "enterprise-server@3.19/", Write: auth.Need{
			On: auth.Enterprise, Role: actions.Admin, Scopes: []string{"admin:enterprise", "manage_runners:enterprise"},
		}},
	}
	for i := range scopes {
		scopes[i].Read = scopes[i].Write
		scopes[i].Read.Level = auth.ReadLevel
	}
	return scopes
}
