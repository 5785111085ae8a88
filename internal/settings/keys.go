package settings

import (
	"context"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/plan/contexts"
	"github.com/understudy-ci/understudy/internal/store"
)

// RetentionDays is for how many days logs are kept, and artifacts, if the job that uploads
// one asks for no less.
var RetentionDays = number("retention_days", "set_actions_retention_limit", 90, 1,
	func(sc Scope, _ int) int {
		if sc.public {
			return actions.MaxPublicDays
		}
		return actions.MaxPrivateDays
	},
	func(days, most int) error {
		return actions.Errorf(actions.Invalid, "artifacts are kept for 1 to %d days, not %d", most, days)
	})

// CacheDays is for how many days a cache is kept that nobody restores.
var CacheDays = number("cache_days", "set_actions_cache_retention_policy", 7, 1,
	func(_ Scope, standard int) int { return max(365, standard) },
	func(days, most int) error {
		return actions.Errorf(actions.Invalid, "caches are kept for 1 to %d days, not %d", most, days)
	})

// CacheBytes is how much all caches of a repository may hold together.
var CacheBytes = number("cache_bytes", "set_actions_cache_storage_policy", 10*gigabyte, gigabyte,
	func(_ Scope, standard int64) int64 { return max(maxGigabytes*gigabyte, standard) },
	func(_, most int64) error {
		return actions.Errorf(actions.Invalid, "caches may hold from 1 to %d GB", most/gigabyte)
	})

// An Access is what the token of a job may do where its workflow has no `permissions`.
type Access string

// What such a token may do.
const (
	ReadAccess  Access = "read"  // read contents and packages
	WriteAccess Access = "write" // read and write most of the repository
)

// WorkflowPermissions is what the tokens of jobs may do by default. Where it is read in
// one scope, it is read below.
var WorkflowPermissions = Key[Access]{
	name: "default_workflow_permissions", audit: "set_default_workflow_permissions", standard: ReadAccess,
	most: func(Scope, Access) Access { return WriteAccess },
	bound: func(v, most Access) Access {
		if v == WriteAccess && most == WriteAccess {
			return WriteAccess
		}
		return ReadAccess
	},
	check: func(v, most Access) error {
		switch {
		case v != ReadAccess && v != WriteAccess:
			return actions.Errorf(actions.Invalid, "default workflow permissions are %s or %s, not %q", ReadAccess, WriteAccess, v)
		case v == WriteAccess && most == ReadAccess:
			return actions.Errorf(actions.Conflict, "default workflow permissions cannot be %s: the organization or the enterprise has set %s", WriteAccess, ReadAccess)
		}
		return nil
	},
}

// ActionsEnabled is whether a repository has Actions enabled for itself.
var ActionsEnabled = Key[bool]{name: "actions_enabled", audit: "update_actions_settings", standard: true}

// DisableActions disables Actions for a new repository, in the transaction that makes it.
func (s *Settings) DisableActions(ctx context.Context, tx *store.Tx, repo *actions.Repository) error {
	return s.UpdateIn(ctx, tx, Repo(repo), Set(ActionsEnabled, false))
}

// EnabledRepositories is for which of its repositories an organization enables Actions.
var EnabledRepositories = Key[actions.Repositories]{
	name: "enabled_repositories", audit: "update_actions_settings", standard: actions.AllRepositories,
	check: func(v, _ actions.Repositories) error {
		return oneOf(v, actions.AllRepositories, actions.NoRepositories, actions.SelectedRepositories)
	},
}

// OwnRunners is which of its repositories an organization allows runners of their own. Where
// the enterprise allows none, no organization does.
var OwnRunners = Key[actions.Repositories]{
	name: "repository_runners", audit: "update_repo_self_hosted_runners_settings", standard: actions.AllRepositories,
	most: func(Scope, actions.Repositories) actions.Repositories { return actions.AllRepositories },
	bound: func(v, most actions.Repositories) actions.Repositories {
		if most == actions.NoRepositories {
			return most
		}
		return v
	},
	check: func(v, most actions.Repositories) error {
		if most == actions.NoRepositories && v != most {
			return actions.Errorf(actions.Conflict, "The enterprise does not allow self-hosted runners at the level of repositories")
		}
		return oneOf(v, actions.AllRepositories, actions.SelectedRepositories, actions.NoRepositories)
	},
}

// EnabledOrganizations is for which organizations the enterprise enables Actions, in the
// words that organizations have for their repositories.
var EnabledOrganizations = Key[actions.Repositories]{
	name: "enabled_organizations", audit: "update_actions_settings", standard: actions.AllRepositories,
	check: func(v, _ actions.Repositories) error {
		return oneOf(v, actions.AllRepositories, actions.NoRepositories, actions.SelectedRepositories)
	},
}

// SelectedOrganizations are the ids, in their order, of the organizations for which the
// enterprise enables Actions where it enables it for selected ones.
var SelectedOrganizations = Key[[]int64]{
	name: "selected_organizations", audit: "update_actions_settings",
	check: func(v, _ []int64) error {
		if len(v) > actions.MaxSelected {
			return actions.Errorf(actions.Invalid, "At most %d organizations can be selected", actions.MaxSelected)
		}
		return nil
	},
}

// SelectOrganizations changes which organizations are selected. It is a Conflict where
// Actions is not enabled for selected ones.
func SelectOrganizations(change func(ids []int64) []int64) Change {
	return Change{SelectedOrganizations.name, SelectedOrganizations.audit, func(s *Settings, sc Scope, all found) (string, error) {
		those, _, err := EnabledOrganizations.in(s, sc, all)
		if err != nil {
			return "", err
		}
		if those != actions.SelectedRepositories {
			return "", actions.Errorf(actions.Conflict, "enabled_organizations is %s, not %s", those, actions.SelectedRepositories)
		}
		ids, _, err := SelectedOrganizations.in(s, sc, all)
		if err != nil {
			return "", err
		}
		ids = change(slices.Clone(ids))
		return SelectedOrganizations.encode(slices.Compact(slices.Sorted(slices.Values(ids))), nil)
	}}
}

// AllowedActions is which actions workflows may use. What is set above for less than all
// counts below.
var AllowedActions = Key[actions.AllowedActions]{
	name: "allowed_actions", audit: "update_actions_settings", standard: actions.AllActions,
	most: func(Scope, actions.AllowedActions) actions.AllowedActions { return actions.AllActions },
	bound: func(v, most actions.AllowedActions) actions.AllowedActions {
		if most != actions.AllActions {
			return most
		}
		return v
	},
	check: func(v, most actions.AllowedActions) error {
		if err := oneOf(v, actions.AllActions, actions.LocalActions, actions.SomeActions); err != nil {
			return err
		}
		if most != actions.AllActions && v != most {
			return actions.Errorf(actions.Conflict, "allowed_actions cannot be %s: the organization or the enterprise has set %s", v, most)
		}
		return nil
	},
}

// SelectedActions is which actions a scope has selected. Ask [Settings.Selected] which
// count: those of the scope that has set [AllowedActions] to it.
var SelectedActions = Key[actions.SelectedActions]{
	name: "selected_actions", audit: "update_actions_settings",
	check: func(v, _ actions.SelectedActions) error { return v.Check() },
}

// SHAPinning is whether workflows name the actions that they use by full commits. Where
// it is required above, it is below.
var SHAPinning = Key[bool]{
	name: "sha_pinning_required", audit: "update_actions_settings",
	most:  func(Scope, bool) bool { return false },
	bound: func(v, least bool) bool { return v || least },
	check: func(v, least bool) error {
		if least && !v {
			return actions.Errorf(actions.Conflict, "sha_pinning_required cannot be false: the organization or the enterprise requires it")
		}
		return nil
	},
}

// Which pull requests from forks of public repositories wait for approval, in GitHub's words.
const (
	ApproveNewAccounts  ForkApproval = "first_time_contributors_new_to_github" // of newcomers whose account is new, too
	ApproveNewcomers    ForkApproval = "first_time_contributors"
	ApproveAllOutsiders ForkApproval = "all_external_contributors"
)

// A ForkApproval says whose runs wait until somebody approves them.
type ForkApproval string

// ForkApprovals is whose pull requests from forks of public repositories wait for approval.
var ForkApprovals = Key[ForkApproval]{
	name: "fork_pr_contributor_approval", audit: "update_fork_pr_contributor_approval", standard: ApproveNewcomers,
	check: func(v, _ ForkApproval) error {
		return oneOf(v, ApproveNewAccounts, ApproveNewcomers, ApproveAllOutsiders)
	},
}

// ForkRuns is what pull requests from forks may do in private repositories.
type ForkRuns struct {
	Run         bool `json:"run_workflows_from_fork_pull_requests"`
	WriteTokens bool `json:"send_write_tokens_to_workflows"`
	Secrets     bool `json:"send_secrets_and_variables"`
	Approval    bool `json:"require_approval_for_fork_pr_workflows"`
}

// under is v where a scope above says no more than most.
func (v ForkRuns) under(most ForkRuns) ForkRuns {
	return ForkRuns{v.Run && most.Run, v.WriteTokens && most.WriteTokens, v.Secrets && most.Secrets, v.Approval || most.Approval}
}

// PrivateForkRuns is what pull requests from forks may do in private repositories. What a
// scope does not allow is not allowed below it.
var PrivateForkRuns = Key[ForkRuns]{
	name: "fork_pr_workflows_private_repos", audit: "update_fork_pr_workflows_policy",
	most:  func(Scope, ForkRuns) ForkRuns { return ForkRuns{Run: true, WriteTokens: true, Secrets: true} },
	bound: ForkRuns.under,
	check: func(v, most ForkRuns) error {
		if v.under(most) != v {
			return actions.Errorf(actions.Invalid, "The organization or the enterprise does not allow this for pull requests from forks")
		}
		return nil
	},
}

// oneOf says why v cannot be set, in GitHub's words.
func oneOf[T ~string](v T, may ...T) error {
	if slices.Contains(may, v) {
		return nil
	}
	quoted := make([]string, len(may))
	for i, w := range may {
		quoted[i] = strconv.Quote(string(w))
	}
	return actions.Errorf(actions.Invalid, "Invalid request.\n\n%.50s is not a member of [%s].", v, strings.Join(quoted, ", "))
}

// ApproveReviews is whether jobs may approve pull requests. Where it is false in one
// scope, it is false below.
var ApproveReviews = Key[bool]{
	name: "can_approve_pull_request_reviews", audit: "set_workflow_permission_can_approve_pr",
	most:  func(Scope, bool) bool { return true },
	bound: func(v, most bool) bool { return v && most },
	check: func(v, most bool) error {
		if v && !most {
			return actions.Errorf(actions.Conflict, "can_approve_pull_request_reviews cannot be true: the organization or the enterprise has set false")
		}
		return nil
	},
}

// A Sharing is which workflows outside of a private repository may use its actions.
type Sharing string

// The levels, as the REST API calls them. Of all, only workflows of private repositories:
// anybody could read in a public one what the actions are.
const (
	ShareNone         Sharing = "none"
	ShareUser         Sharing = "user"         // of the same user
	ShareOrganization Sharing = "organization" // of the same organization
	ShareEnterprise   Sharing = "enterprise"   // of this server
)

// ActionsSharing is who may use the actions of a private repository.
var ActionsSharing = Key[Sharing]{
	name: "actions_sharing", audit: "update_actions_access_settings", standard: ShareNone,
	check: func(v, _ Sharing) error {
		switch v {
		case ShareNone, ShareUser, ShareOrganization, ShareEnterprise:
			return nil
		}
		return actions.Errorf(actions.Invalid, "access_level is none, user, organization or enterprise, not %.50q", string(v))
	},
}

// PublicRepositories is whether the runners of the Default group of an organization, or
// of the enterprise, work for public repositories; nil where nobody has said so.
var PublicRepositories = Key[*bool]{
	name: "allows_public_repositories", audit: "runner_group_updated",
	check: func(v, _ *bool) error {
		if v == nil {
			return actions.Errorf(actions.Invalid, "allows_public_repositories is true or false")
		}
		return nil
	},
}

// SubjectTemplate is what the subjects of OIDC tokens are made of. Ask
// [Settings.SubjectKeys] what counts for a repository.
var SubjectTemplate = Key[actions.SubjectTemplate]{
	name: "oidc_subject_template", audit: "set_actions_oidc_subject_template",
	check: func(v, _ actions.SubjectTemplate) error { return v.Check() },
}

// ImmutableSubject is whether the subjects of OIDC tokens name a repository and its owner
// by their ids, too, which are never given out again, as names are.
var ImmutableSubject = Key[bool]{name: "oidc_immutable_subject", audit: "set_actions_oidc_immutable_subject", standard: true}

const (
	gigabyte     int64 = 1 << 30
	maxGigabytes       = 10_000
)

// Gigabytes is a value of [CacheBytes]. What cannot be one stays out of its range.
func Gigabytes(n int) int64 {
	if n < 0 || n > math.MaxInt64/int(gigabyte) {
		return 0
	}
	return int64(n) * gigabyte
}

// OfRun is what the contexts of a repository's runs tell of its settings.
func (s *Settings) OfRun(ctx context.Context, repo *actions.Repository) (contexts.Settings, error) {
	days, err := Get(ctx, s, Repo(repo), RetentionDays)
	if err != nil {
		return contexts.Settings{}, err
	}
	bytes, err := Get(ctx, s, Repo(repo), CacheBytes)
	if err != nil {
		return contexts.Settings{}, err
	}
	forks, err := s.ForkRunsOf(ctx, repo)
	if err != nil {
		return contexts.Settings{}, err
	}
	vars, err := s.Vars(ctx, repo)
	return contexts.Settings{RetentionDays: days, CacheGB: max(int(bytes/gigabyte), 1), Vars: vars, ForkVars: forks.Secrets}, err
}

// ForkRunsOf is what pull requests from forks may do in a repository: in a public one they
// run, with nothing that is not public.
func (s *Settings) ForkRunsOf(ctx context.Context, repo *actions.Repository) (ForkRuns, error) {
	if !repo.Private {
		return ForkRuns{Run: true}, nil
	}
	return Get(ctx, s, Repo(repo), PrivateForkRuns)
}
