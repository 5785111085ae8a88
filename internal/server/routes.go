package server

import (
	"slices"

	"github.com/understudy-ci/understudy/internal/githttp"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/rest/artifacts"
	"github.com/understudy-ci/understudy/internal/rest/auditlog"
	"github.com/understudy-ci/understudy/internal/rest/branches"
	"github.com/understudy-ci/understudy/internal/rest/caches"
	"github.com/understudy-ci/understudy/internal/rest/checks"
	"github.com/understudy-ci/understudy/internal/rest/collaborators"
	"github.com/understudy-ci/understudy/internal/rest/commits"
	"github.com/understudy-ci/understudy/internal/rest/contents"
	"github.com/understudy-ci/understudy/internal/rest/credentials"
	"github.com/understudy-ci/understudy/internal/rest/deployments"
	"github.com/understudy-ci/understudy/internal/rest/enterpriseadmin"
	"github.com/understudy-ci/understudy/internal/rest/environments"
	"github.com/understudy-ci/understudy/internal/rest/events"
	"github.com/understudy-ci/understudy/internal/rest/jobs"
	"github.com/understudy-ci/understudy/internal/rest/meta"
	"github.com/understudy-ci/understudy/internal/rest/oidc"
	"github.com/understudy-ci/understudy/internal/rest/orgs"
	"github.com/understudy-ci/understudy/internal/rest/permissions"
	"github.com/understudy-ci/understudy/internal/rest/pulls"
	"github.com/understudy-ci/understudy/internal/rest/ratelimit"
	"github.com/understudy-ci/understudy/internal/rest/refs"
	"github.com/understudy-ci/understudy/internal/rest/releases"
	"github.com/understudy-ci/understudy/internal/rest/repos"
	"github.com/understudy-ci/understudy/internal/rest/runnergroups"
	"github.com/understudy-ci/understudy/internal/rest/runs"
	"github.com/understudy-ci/understudy/internal/rest/secrets"
	"github.com/understudy-ci/understudy/internal/rest/selfhostedrunners"
	"github.com/understudy-ci/understudy/internal/rest/statuses"
	"github.com/understudy-ci/understudy/internal/rest/users"
	"github.com/understudy-ci/understudy/internal/rest/variables"
	"github.com/understudy-ci/understudy/internal/rest/workflows"
	"github.com/understudy-ci/understudy/internal/results"
)

// Routes is the table of the REST API: every operation that is served, and what it
// needs of its caller.
func (s *Server) Routes() []rest.Route { return s.table }

// pages joins the pages of GitHub's reference that are served into one table. res
// and git sign the URLs of what is downloaded.
func (s *Server) pages(res *results.API, git *githttp.Server) []rest.Route {
	return slices.Concat(
		meta.Routes(),
		ratelimit.Routes(s.now),
		users.Routes(s.store),
		orgs.Routes(s.store),
		credentials.Routes(s.auth, s.log),
		enterpriseadmin.Routes(s.store, s.auth, s.log, s.notice, s.now),
		auditlog.Routes(s.store),

		repos.Routes(s.store, s.auth, s.repositories, s.repos, s.scheduler, s.settings),
		collaborators.Routes(s.store, s.auth),
		contents.Routes(contents.Config{Repositories: s.repositories, Git: s.repos, Log: s.log, Now: s.now, Push: s.restPush, ArchiveURL: git.ArchiveURL}),
		commits.Routes(s.store, s.repositories, s.repos),
		branches.Routes(branches.Config{Store: s.store, Git: s.repos, Protections: s.protect}),
		refs.Routes(refs.Config{Repositories: s.repositories, Git: s.repos, Push: s.restPush}),
		pulls.Routes(pulls.Config{Store: s.store, Auth: s.auth, Git: s.repos, Pulls: s.pulls, Actor: s.puller}),
		releases.Routes(releases.Config{Store: s.store, Releases: s.releases, Push: s.restPush, AssetURL: res.AssetURL}),
		deployments.Routes(s.store, s.deployments, s.restPush),
		environments.Routes(s.store, s.auth, s.scheduler),
		statuses.Routes(s.store, s.checks, s.repositories),
		checks.Routes(checks.Config{Store: s.store, Git: s.repos, Checks: s.checks, Repositories: s.repositories}),

		workflows.Routes(s.store, s.trigger, s.now),
		events.Routes(s.trigger),
		runs.Routes(runs.Config{Store: s.store, Scheduler: s.scheduler, Logs: s.logs, Now: s.now, LogURL: res.RunLogURL}),
		jobs.Routes(jobs.Config{Store: s.store, Logs: s.logs, Groups: s.groups, Now: s.now, LogURL: res.JobLogURL}),
		artifacts.Routes(artifacts.Config{
			Store: s.store, Artifacts: s.artifacts, Log: s.log, Now: s.now, Quota: int64(s.config.ArtifactQuota), URL: res.ArtifactURL,
		}),
		caches.Routes(s.store, s.caches, s.settings),
		permissions.Routes(s.settings, s.policy),
		secrets.Routes(s.store, s.vault),
		oidc.Routes(s.settings),
		variables.Routes(s.store, s.vault),
		selfhostedrunners.Routes(s.runners, s.now),
		runnergroups.Routes(s.groups, s.runners, s.auth, s.now),
	)
}
