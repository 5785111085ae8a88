package rest

import (
	"net/http"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
)

// A route is one operation of the API.
type route struct {
	pattern string // as http.ServeMux takes it
	handle  func(http.ResponseWriter, *http.Request) error
	docs    string     // its place in GitHub's reference, below docsURL
	need    *auth.Need // of what is below a repository: what the caller needs
	scopes  string     // of classic tokens that it wants, for a header
	streams bool       // the answer may be large: the handler writes it as it comes
	polled  bool       // programs ask again and again, and the answer depends on the repository's data only
}

const docsURL = "https://docs.github.com/"

// documentation is the URL that errors of the route give.
func (rt *route) documentation() string {
	if rt.docs == "" {
		return docsURL + "rest"
	}
	return docsURL + rt.docs
}

// routes is the table of all there is.
func (a *API) routes() []route {
	table := a.siteRoutes()
	table = append(table, a.repositoryRoutes()...)
	table = append(table, a.actionsRoutes()...)
	table = append(table, a.artifactRoutes()...)
	return append(table, a.cacheRoutes()...)
}

const enterprise = "enterprise-server@3.19/rest/enterprise-admin/"

// siteRoutes are about the server, its accounts, and new repositories.
func (a *API) siteRoutes() []route {
	return []route{
		{pattern: "GET /{$}", handle: a.getRoot, docs: "rest/meta/meta#github-api-root"},
		{pattern: "GET /meta", handle: a.getMeta, docs: "rest/meta/meta#get-apiname-meta-information"},
		{pattern: "GET /versions", handle: a.listVersions, docs: "rest/meta/meta#get-all-api-versions"},
		{pattern: "GET /rate_limit", handle: a.getRateLimit, docs: "rest/rate-limit/rate-limit#get-rate-limit-status-for-the-authenticated-user"},

		{pattern: "GET /user", handle: a.getAuthenticatedUser, docs: "rest/users/users#get-the-authenticated-user"},
		{pattern: "GET /users/{username}", handle: a.getUser, docs: "rest/users/users#get-a-user"},
		{pattern: "GET /orgs/{org}", handle: a.getOrganization, docs: "rest/orgs/orgs#get-an-organization"},
		{pattern: "POST /user/repos", handle: a.createUserRepository, docs: "rest/repos/repos#create-a-repository-for-the-authenticated-user", scopes: "public_repo, repo"},
		{pattern: "POST /orgs/{org}/repos", handle: a.createOrganizationRepository, docs: "rest/repos/repos#create-an-organization-repository", scopes: "public_repo, repo"},

		{pattern: "POST /admin/users", handle: a.createUser, docs: enterprise + "users#create-a-user", scopes: "site_admin"},
		{pattern: "POST /admin/organizations", handle: a.createOrganization, docs: enterprise + "orgs#create-an-organization", scopes: "site_admin"},
		{pattern: "POST /admin/users/{username}/authorizations", handle: a.createImpersonationToken, docs: enterprise + "users#create-an-impersonation-oauth-token", scopes: "site_admin"},
		{pattern: "DELETE /admin/users/{username}/authorizations", handle: a.deleteImpersonationToken, docs: enterprise + "users#delete-an-impersonation-oauth-token", scopes: "site_admin"},
	}
}

// repositoryRoutes are about a repository and its content.
func (a *API) repositoryRoutes() []route {
	metadata := &auth.Need{Permission: actions.Read, Scope: "metadata"}
	administer := &auth.Need{Permission: actions.Admin, Scope: "administration"}
	collaborators := &auth.Need{Permission: actions.Write, Scope: "metadata", Level: auth.ReadLevel}
	contents := &auth.Need{Permission: actions.Read, Scope: "contents"}
	const repo = "/repos/{owner}/{repo}"
	return []route{
		{pattern: "GET " + repo, handle: a.getRepository, docs: "rest/repos/repos#get-a-repository", need: metadata, scopes: "repo"},
		{pattern: "PATCH " + repo, handle: a.updateRepository, docs: "rest/repos/repos#update-a-repository", need: administer, scopes: "repo"},

		{pattern: "PUT " + repo + "/collaborators/{username}", handle: a.addCollaborator, docs: "rest/collaborators/collaborators#add-a-repository-collaborator", need: administer, scopes: "repo"},
		{pattern: "DELETE " + repo + "/collaborators/{username}", handle: a.removeCollaborator, docs: "rest/collaborators/collaborators#remove-a-repository-collaborator", need: administer, scopes: "repo"},
		{pattern: "GET " + repo + "/collaborators/{username}/permission", handle: a.getCollaboratorPermission, docs: "rest/collaborators/collaborators#get-repository-permissions-for-a-user", need: collaborators, scopes: "repo"},

		{pattern: "GET " + repo + "/contents/{path...}", handle: a.getContents, docs: "rest/repos/contents#get-repository-content", need: contents, scopes: "repo"},
		{pattern: "GET " + repo + "/commits/{ref...}", handle: a.getCommit, docs: "rest/commits/commits#get-a-commit", need: contents, scopes: "repo"},
		{pattern: "GET " + repo + "/branches/{branch...}", handle: a.getBranch, docs: "rest/branches/branches#get-a-branch", need: contents, scopes: "repo"},
		{pattern: "GET " + repo + "/git/ref/{ref...}", handle: a.getReference, docs: "rest/git/refs#get-a-reference", need: contents, scopes: "repo"},
	}
}

// actionsRoutes are about workflows, runs, jobs and their checks.
func (a *API) actionsRoutes() []route {
	read := &auth.Need{Permission: actions.Read, Scope: "actions"}
	download := &auth.Need{Permission: actions.Read, Scope: "actions", SignedIn: true}
	write := &auth.Need{Permission: actions.Write, Scope: "actions"}
	checks := &auth.Need{Permission: actions.Read, Scope: "checks"}
	const (
		repo     = "/repos/{owner}/{repo}"
		workflow = repo + "/actions/workflows/{workflow_id}"
		run      = repo + "/actions/runs/{run_id}"
		attempt  = run + "/attempts/{attempt_number}"
		job      = repo + "/actions/jobs/{job_id}"

		workflows = "rest/actions/workflows#"
		runs      = "rest/actions/workflow-runs#"
		jobs      = "rest/actions/workflow-jobs#"
	)
	return []route{
		{pattern: "GET " + repo + "/actions/workflows", handle: a.listWorkflows, docs: workflows + "list-repository-workflows", need: read, scopes: "repo", polled: true},
		{pattern: "GET " + workflow, handle: a.getWorkflow, docs: workflows + "get-a-workflow", need: read, scopes: "repo", polled: true},
		{pattern: "POST " + workflow + "/dispatches", handle: a.dispatchWorkflow, docs: workflows + "create-a-workflow-dispatch-event", need: write, scopes: "repo"},
		{pattern: "PUT " + workflow + "/enable", handle: a.enableWorkflow, docs: workflows + "enable-a-workflow", need: write, scopes: "repo"},
		{pattern: "PUT " + workflow + "/disable", handle: a.disableWorkflow, docs: workflows + "disable-a-workflow", need: write, scopes: "repo"},
		{pattern: "GET " + workflow + "/runs", handle: a.listWorkflowRuns, docs: runs + "list-workflow-runs-for-a-workflow", need: read, scopes: "repo", polled: true},

		{pattern: "GET " + repo + "/actions/runs", handle: a.listRuns, docs: runs + "list-workflow-runs-for-a-repository", need: read, scopes: "repo", polled: true},
		{pattern: "GET " + run, handle: a.getRun, docs: runs + "get-a-workflow-run", need: read, scopes: "repo", polled: true},
		{pattern: "DELETE " + run, handle: a.deleteRun, docs: runs + "delete-a-workflow-run", need: write, scopes: "repo"},
		{pattern: "GET " + attempt, handle: a.getAttempt, docs: runs + "get-a-workflow-run-attempt", need: read, scopes: "repo", polled: true},
		{pattern: "POST " + run + "/cancel", handle: a.cancelRun, docs: runs + "cancel-a-workflow-run", need: write, scopes: "repo"},
		{pattern: "POST " + run + "/force-cancel", handle: a.forceCancelRun, docs: runs + "force-cancel-a-workflow-run", need: write, scopes: "repo"},
		{pattern: "POST " + run + "/rerun", handle: a.rerunRun, docs: runs + "re-run-a-workflow", need: write, scopes: "repo"},
		{pattern: "GET " + run + "/logs", handle: a.downloadRunLogs, docs: runs + "download-workflow-run-logs", need: download, scopes: "repo"},
		{pattern: "GET " + attempt + "/logs", handle: a.downloadAttemptLogs, docs: runs + "download-workflow-run-attempt-logs", need: download, scopes: "repo"},
		{pattern: "DELETE " + run + "/logs", handle: a.deleteRunLogs, docs: runs + "delete-workflow-run-logs", need: write, scopes: "repo"},

		{pattern: "GET " + run + "/jobs", handle: a.listRunJobs, docs: jobs + "list-jobs-for-a-workflow-run", need: read, scopes: "repo", polled: true},
		{pattern: "GET " + attempt + "/jobs", handle: a.listAttemptJobs, docs: jobs + "list-jobs-for-a-workflow-run-attempt", need: read, scopes: "repo", polled: true},
		{pattern: "GET " + job, handle: a.getJob, docs: jobs + "get-a-job-for-a-workflow-run", need: read, scopes: "repo", polled: true},
		{pattern: "GET " + job + "/logs", handle: a.downloadJobLogs, docs: jobs + "download-job-logs-for-a-workflow-run", need: download, scopes: "repo"},

		{pattern: "GET " + repo + "/check-runs/{check_run_id}", handle: a.getCheckRun, docs: "rest/checks/runs#get-a-check-run", need: checks, scopes: "repo"},
		{pattern: "GET " + repo + "/check-runs/{check_run_id}/annotations", handle: a.listAnnotations, docs: "rest/checks/runs#list-check-run-annotations", need: checks, scopes: "repo"},
		{pattern: "GET " + repo + "/commits/{ref}/check-runs", handle: a.listCommitCheckRuns, docs: "rest/checks/runs#list-check-runs-for-a-git-reference", need: checks, scopes: "repo"},
		{pattern: "GET " + repo + "/check-suites/{check_suite_id}", handle: a.getCheckSuite, docs: "rest/checks/suites#get-a-check-suite", need: checks, scopes: "repo"},
		{pattern: "GET " + repo + "/check-suites/{check_suite_id}/check-runs", handle: a.listSuiteCheckRuns, docs: "rest/checks/runs#list-check-runs-in-a-check-suite", need: checks, scopes: "repo"},
	}
}

// artifactRoutes are about the artifacts of jobs.
func (a *API) artifactRoutes() []route {
	read := &auth.Need{Permission: actions.Read, Scope: "actions"}
	download := &auth.Need{Permission: actions.Read, Scope: "actions", SignedIn: true, Granted: true}
	write := &auth.Need{Permission: actions.Write, Scope: "actions"}
	administer := &auth.Need{Permission: actions.Admin, Scope: "administration"}
	seeSettings := &auth.Need{Permission: actions.Admin, Scope: "administration", Level: auth.ReadLevel}
	const (
		repo      = "/repos/{owner}/{repo}/actions"
		artifact  = repo + "/artifacts/{artifact_id}"
		retention = repo + "/permissions/artifact-and-log-retention"

		page        = "rest/actions/artifacts#"
		permissions = "rest/actions/permissions#"
	)
	return []route{
		{pattern: "GET " + repo + "/artifacts", handle: a.listArtifacts, docs: page + "list-artifacts-for-a-repository", need: read, scopes: "repo", polled: true},
		{pattern: "GET " + repo + "/runs/{run_id}/artifacts", handle: a.listRunArtifacts, docs: page + "list-workflow-run-artifacts", need: read, scopes: "repo", polled: true},
		{pattern: "GET " + artifact, handle: a.getArtifact, docs: page + "get-an-artifact", need: read, scopes: "repo", polled: true},
		{pattern: "DELETE " + artifact, handle: a.deleteArtifact, docs: page + "delete-an-artifact", need: write, scopes: "repo"},
		{pattern: "GET " + artifact + "/{archive_format}", handle: a.downloadArtifact, docs: page + "download-an-artifact", need: download, scopes: "repo"},
		// GitHub has nothing like these three.
		{pattern: "GET " + artifact + "/files", handle: a.listArtifactFiles, need: download, scopes: "repo"},
		{pattern: "GET " + artifact + "/files/{path...}", handle: a.getArtifactFile, need: download, scopes: "repo", streams: true},
		{pattern: "GET " + repo + "/artifacts/usage", handle: a.getArtifactUsage, need: read, scopes: "repo"},

		{pattern: "GET " + retention, handle: a.getRetention, docs: permissions + "get-artifact-and-log-retention-settings-for-a-repository", need: seeSettings, scopes: "repo"},
		{pattern: "PUT " + retention, handle: a.setRetention, docs: permissions + "set-artifact-and-log-retention-settings-for-a-repository", need: administer, scopes: "repo"},
	}
}

// cacheRoutes are about the caches of jobs.
func (a *API) cacheRoutes() []route {
	read := &auth.Need{Permission: actions.Read, Scope: "actions"}
	write := &auth.Need{Permission: actions.Write, Scope: "actions"}
	administer := &auth.Need{Permission: actions.Admin, Scope: "administration"}
	const (
		repo   = "/repos/{owner}/{repo}/actions"
		org    = "/orgs/{org}/actions"
		page   = "rest/actions/cache#"
		server = "enterprise-server@3.19/" + page
	)
	return []route{
		{pattern: "GET " + repo + "/caches", handle: a.listCaches, docs: page + "list-github-actions-caches-for-a-repository", need: read, scopes: "repo"},
		{pattern: "DELETE " + repo + "/caches", handle: a.deleteCaches, docs: page + "delete-github-actions-caches-for-a-repository-using-a-cache-key", need: write, scopes: "repo"},
		{pattern: "DELETE " + repo + "/caches/{cache_id}", handle: a.deleteCache, docs: page + "delete-a-github-actions-cache-for-a-repository-using-a-cache-id", need: write, scopes: "repo"},
		{pattern: "GET " + repo + "/cache/usage", handle: a.getCacheUsage, docs: page + "get-github-actions-cache-usage-for-a-repository", need: read, scopes: "repo"},
		{pattern: "GET " + repo + "/cache/retention-limit", handle: a.getCacheRetentionLimit, docs: page + "get-github-actions-cache-retention-limit-for-a-repository", need: administer, scopes: "repo"},
		{pattern: "PUT " + repo + "/cache/retention-limit", handle: a.setCacheRetentionLimit, docs: page + "set-github-actions-cache-retention-limit-for-a-repository", need: administer, scopes: "repo"},
		{pattern: "GET " + repo + "/cache/storage-limit", handle: a.getCacheStorageLimit, docs: page + "get-github-actions-cache-storage-limit-for-a-repository", need: administer, scopes: "repo"},
		{pattern: "PUT " + repo + "/cache/storage-limit", handle: a.setCacheStorageLimit, docs: page + "set-github-actions-cache-storage-limit-for-a-repository", need: administer, scopes: "repo"},
		{pattern: "GET " + repo + "/cache/usage-policy", handle: a.getCacheUsagePolicy, docs: server + "get-github-actions-cache-usage-policy-for-a-repository", need: read, scopes: "repo"},
		{pattern: "PATCH " + repo + "/cache/usage-policy", handle: a.setCacheUsagePolicy, docs: server + "set-github-actions-cache-usage-policy-for-a-repository", need: administer, scopes: "repo"},
		{pattern: "GET " + org + "/cache/usage", handle: a.getOrganizationCacheUsage, docs: page + "get-github-actions-cache-usage-for-an-organization", scopes: "read:org"},
		{pattern: "GET " + org + "/cache/usage-by-repository", handle: a.listOrganizationCacheUsage, docs: page + "list-repositories-with-github-actions-cache-usage-for-an-organization", scopes: "read:org"},
	}
}
