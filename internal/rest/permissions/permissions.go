// Package permissions is the page "Permissions" of the reference: what a repository
// lets Actions do, and how long it keeps what they leave.
package permissions

import (
	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/policy"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/settings"
)

// Routes are the operations of the page.
func Routes(s *settings.Settings, pol *policy.Policy) []rest.Route {
	const (
		repo      = "/repos/{owner}/{repo}/actions/permissions"
		org       = "/orgs/{org}/actions/permissions"
		retention = "/artifact-and-log-retention"
		approval  = "/fork-pr-contributor-approval"
		private   = "/fork-pr-workflows-private-repos"
		access    = "/repos/{owner}/{repo}/actions/permissions/access"
		docs      = "rest/actions/permissions#"
	)
	see := auth.Need{On: auth.Repo, Role: actions.Admin, Permission: "administration", Level: auth.ReadLevel}
	set := auth.Need{On: auth.Repo, Role: actions.Admin, Permission: "administration"}
	seeOrg := auth.Need{On: auth.Org, Role: actions.Admin, Permission: "organization_administration", Level: auth.ReadLevel, Scopes: []string{"admin:org"}}
	setOrg := auth.Need{On: auth.Org, Role: actions.Admin, Permission: "organization_administration", Scopes: []string{"admin:org"}}
	p := &page{s, pol}
	enabled, own := p.selected(pol.EnabledRepositories()), p.selected(pol.OwnRunners())
	return append(p.enterpriseRoutes(), []rest.Route{
		{Pattern: "GET " + org, Handle: p.getOrganization, Docs: docs + "get-github-actions-permissions-for-an-organization", Need: seeOrg},
		{Pattern: "PUT " + org, Handle: p.setOrganization, Docs: docs + "set-github-actions-permissions-for-an-organization", Need: setOrg},
		{Pattern: "GET " + org + "/repositories", Handle: enabled.Get, Docs: docs + "list-selected-repositories-enabled-for-github-actions-in-an-organization", Need: seeOrg},
		{Pattern: "PUT " + org + "/repositories", Handle: enabled.Set, Docs: docs + "set-selected-repositories-enabled-for-github-actions-in-an-organization", Need: setOrg},
		{Pattern: "PUT " + org + "/repositories/{repository_id}", Handle: enabled.Add, Docs: docs + "enable-a-selected-repository-for-github-actions-in-an-organization", Need: setOrg},
		{Pattern: "DELETE " + org + "/repositories/{repository_id}", Handle: enabled.Remove, Docs: docs + "disable-a-selected-repository-for-github-actions-in-an-organization", Need: setOrg},
		{Pattern: "GET " + org + "/selected-actions", Handle: p.getSelected, Docs: docs + "get-allowed-actions-and-reusable-workflows-for-an-organization", Need: seeOrg},
		{Pattern: "PUT " + org + "/selected-actions", Handle: p.setSelected, Docs: docs + "set-allowed-actions-and-reusable-workflows-for-an-organization", Need: setOrg},
		{Pattern: "GET " + repo + "/selected-actions", Handle: p.getSelected, Docs: docs + "get-allowed-actions-and-reusable-workflows-for-a-repository", Need: see},
		{Pattern: "PUT " + repo + "/selected-actions", Handle: p.setSelected, Docs: docs + "set-allowed-actions-and-reusable-workflows-for-a-repository", Need: set},
		{Pattern: "GET " + org + "/self-hosted-runners", Handle: p.getOwnRunners, Docs: docs + "get-self-hosted-runners-settings-for-an-organization", Need: seeOrg},
		{Pattern: "PUT " + org + "/self-hosted-runners", Handle: p.setOwnRunners, Docs: docs + "set-self-hosted-runners-settings-for-an-organization", Need: setOrg},
		{Pattern: "GET " + org + "/self-hosted-runners/repositories", Handle: own.Get, Docs: docs + "list-repositories-allowed-to-use-self-hosted-runners-in-an-organization", Need: seeOrg},
		{Pattern: "PUT " + org + "/self-hosted-runners/repositories", Handle: own.Set, Docs: docs + "set-repositories-allowed-to-use-self-hosted-runners-in-an-organization", Need: setOrg},
		{Pattern: "PUT " + org + "/self-hosted-runners/repositories/{repository_id}", Handle: own.Add, Docs: docs + "add-a-repository-to-the-list-of-repositories-allowed-to-use-self-hosted-runners-in-an-organization", Need: setOrg},
		{Pattern: "DELETE " + org + "/self-hosted-runners/repositories/{repository_id}", Handle: own.Remove, Docs: docs + "remove-a-repository-from-the-list-of-repositories-allowed-to-use-self-hosted-runners-in-an-organization", Need: setOrg},
		{Pattern: "GET " + org + "/workflow", Handle: p.getWorkflow, Docs: docs + "get-default-workflow-permissions-for-an-organization", Need: seeOrg},
		{Pattern: "PUT " + org + "/workflow", Handle: p.setWorkflow, Docs: docs + "set-default-workflow-permissions-for-an-organization", Need: setOrg},
		{Pattern: "GET " + repo + "/workflow", Handle: p.getWorkflow, Docs: docs + "get-default-workflow-permissions-for-a-repository", Need: see},
		{Pattern: "PUT " + repo + "/workflow", Handle: p.setWorkflow, Docs: docs + "set-default-workflow-permissions-for-a-repository", Need: set},
		{Pattern: "GET " + org + retention, Handle: p.getRetention, Docs: docs + "get-artifact-and-log-retention-settings-for-an-organization", Need: seeOrg},
		{Pattern: "PUT " + org + retention, Handle: p.setRetention, Docs: docs + "set-artifact-and-log-retention-settings-for-an-organization", Need: setOrg},
		{Pattern: "GET " + org + approval, Handle: p.getForkApproval, Docs: docs + "get-fork-pr-contributor-approval-permissions-for-an-organization", Need: seeOrg},
		{Pattern: "PUT " + org + approval, Handle: p.setForkApproval, Docs: docs + "set-fork-pr-contributor-approval-permissions-for-an-organization", Need: setOrg},
		{Pattern: "GET " + repo + approval, Handle: p.getForkApproval, Docs: docs + "get-fork-pr-contributor-approval-permissions-for-a-repository", Need: see},
		{Pattern: "PUT " + repo + approval, Handle: p.setForkApproval, Docs: docs + "set-fork-pr-contributor-approval-permissions-for-a-repository", Need: set},
		{Pattern: "GET " + org + private, Handle: p.getForkRuns, Docs: docs + "get-private-repo-fork-pr-workflow-settings-for-an-organization", Need: seeOrg},
		{Pattern: "PUT " + org + private, Handle: p.setForkRuns, Docs: docs + "set-private-repo-fork-pr-workflow-settings-for-an-organization", Need: setOrg},
		{Pattern: "GET " + repo + private, Handle: p.getForkRuns, Docs: docs + "get-private-repo-fork-pr-workflow-settings-for-a-repository", Need: see},
		{Pattern: "PUT " + repo + private, Handle: p.setForkRuns, Docs: docs + "set-private-repo-fork-pr-workflow-settings-for-a-repository", Need: set},
		{Pattern: "GET " + repo, Handle: p.getRepository, Docs: docs + "get-github-actions-permissions-for-a-repository", Need: see},
		{Pattern: "PUT " + repo, Handle: p.setRepository, Docs: docs + "set-github-actions-permissions-for-a-repository", Need: set},
		{Pattern: "GET " + access, Handle: p.getAccess, Docs: docs + "get-the-level-of-access-for-workflows-outside-of-the-repository", Need: see},
		{Pattern: "PUT " + access, Handle: p.setAccess, Docs: docs + "set-the-level-of-access-for-workflows-outside-of-the-repository", Need: set},
		{Pattern: "GET " + repo + retention, Handle: p.getRetention, Docs: docs + "get-artifact-and-log-retention-settings-for-a-repository", Need: see},
		{Pattern: "PUT " + repo + retention, Handle: p.setRetention, Docs: docs + "set-artifact-and-log-retention-settings-for-a-repository", Need: set},
	}...)
}

type page struct {
	settings *settings.Settings
	policy   *policy.Policy
}
