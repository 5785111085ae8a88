package actions

import (
	"maps"
	"strings"
	"time"
)

// An AuditAction is what the audit log says was done: a category and what happened
// to it, in GitHub's words.
type AuditAction string

// The actions of the audit log. What may be done to a repository, an organization
// and the enterprise has three names; see [AuditIn].
const (
	AuditUserCreate    AuditAction = "user.create"
	AuditUserSuspend   AuditAction = "user.suspend"
	AuditUserUnsuspend AuditAction = "user.unsuspend"
	AuditUserDelete    AuditAction = "user.delete"
	AuditUserLogin     AuditAction = "user.login"  // in a browser
	AuditUserLogout    AuditAction = "user.logout" // of a browser

	AuditTokenCreate  AuditAction = "oauth_access.create" // of a personal access token
	AuditTokenDestroy AuditAction = "oauth_access.destroy"

	AuditOrgCreate       AuditAction = "org.create"
	AuditOrgAddMember    AuditAction = "org.add_member"
	AuditOrgUpdateMember AuditAction = "org.update_member"

	AuditRepoCreate       AuditAction = "repo.create"
	AuditRepoDestroy      AuditAction = "repo.destroy"
	AuditRepoRename       AuditAction = "repo.rename"
	AuditRepoAccess       AuditAction = "repo.access" // its visibility was changed
	AuditRepoBranch       AuditAction = "repo.update_default_branch"
	AuditRepoArchived     AuditAction = "repo.archived"
	AuditRepoUnarchived   AuditAction = "repo.unarchived"
	AuditRepoAddTopic     AuditAction = "repo.add_topic"
	AuditRepoRemoveTopic  AuditAction = "repo.remove_topic"
	AuditRepoAddMember    AuditAction = "repo.add_member"
	AuditRepoUpdateMember AuditAction = "repo.update_member"
	AuditRepoRemoveMember AuditAction = "repo.remove_member"

	AuditBranchCreate   AuditAction = "protected_branch.create"
	AuditBranchUpdate   AuditAction = "protected_branch.update"
	AuditBranchDestroy  AuditAction = "protected_branch.destroy"
	AuditBranchOverride AuditAction = "protected_branch.policy_override" // by who administers the repository

	AuditEnvironmentCreate     AuditAction = "environment.create"
	AuditEnvironmentDelete     AuditAction = "environment.delete"
	AuditEnvironmentAddRule    AuditAction = "environment.add_protection_rule"
	AuditEnvironmentUpdateRule AuditAction = "environment.update_protection_rule"
	AuditEnvironmentRemoveRule AuditAction = "environment.remove_protection_rule"

	AuditCacheDelete     AuditAction = "actions_cache.delete"
	AuditArtifactDestroy AuditAction = "artifact.destroy"
	AuditRunDelete       AuditAction = "workflows.delete_workflow_run"
	AuditRunApprove      AuditAction = "workflows.approve_workflow_job"
	AuditJobUnreported   AuditAction = "workflows.unreported_job_end" // not one of GitHub's
	AuditEventBridge     AuditAction = "workflows.bridge_event"       // nor this: an event was brought from elsewhere
	AuditWorkflowEnable  AuditAction = "workflows.enable_workflow"
	AuditWorkflowDisable AuditAction = "workflows.disable_workflow"

	AuditSecretKeyCreate  AuditAction = "secret_key.create" // of a master key, and none of GitHub's
	AuditSecretKeyDestroy AuditAction = "secret_key.destroy"

	AuditSigningKeyCreate  AuditAction = "oidc_signing_key.create" // none of GitHub's either
	AuditSigningKeyDestroy AuditAction = "oidc_signing_key.destroy"

	AuditReviewSubmit  AuditAction = "pull_request_review.submit" // that approves, or requests changes
	AuditReviewDismiss AuditAction = "pull_request_review.dismiss"

	AuditActionImport AuditAction = "kept_action.create" // by an operator who brings it in; none of GitHub's
	AuditActionRemove AuditAction = "kept_action.remove"

	AuditReleaseCreate  AuditAction = "release.create" // these are none of GitHub's either
	AuditReleasePublish AuditAction = "release.publish"
	AuditReleaseUpdate  AuditAction = "release.update"
	AuditReleaseDestroy AuditAction = "release.destroy"
	AuditAssetCreate    AuditAction = "release_asset.create"
	AuditAssetDestroy   AuditAction = "release_asset.destroy"
)

// What is done in a repository, an organization or the enterprise, behind the name
// of where: see [AuditIn]. The first is not one of GitHub's.
const (
	AuditRegistrationToken = "create_registration_token" // or a token to remove runners
	AuditRegisterRunner    = "register_self_hosted_runner"
	AuditConfigureJIT      = "configure_self_hosted_jit_runner"
	AuditRemoveRunner      = "remove_self_hosted_runner"
	AuditGroupCreated      = "runner_group_created"
	AuditGroupUpdated      = "runner_group_updated"
	AuditGroupRemoved      = "runner_group_removed"
	AuditGroupRunners      = "runner_group_runners_updated"
	AuditGroupRunnerAdded  = "runner_group_runners_added"
	AuditGroupRunnerGone   = "runner_group_runner_removed"
	AuditRunnerLabels      = "update_self_hosted_runner_labels" // not one of GitHub's
)

// AuditIn is the action of that name in a scope: "repo.NAME", "org.NAME" or
// "enterprise.NAME".
func AuditIn(sc Scope, name string) AuditAction {
	switch {
	case sc.RepoID != 0:
		return AuditAction("repo." + name)
	case sc.OwnerID != 0:
		return AuditAction("org." + name)
	}
	return AuditAction("enterprise." + name)
}

// Operation is what kind of change an action is, in GitHub's words: create, modify,
// remove or authentication.
func (a AuditAction) Operation() string {
	_, name, _ := strings.Cut(string(a), ".")
	verb, _, _ := strings.Cut(name, "_")
	switch verb {
	case "create", "add", "register", "configure":
		return "create"
	case "destroy", "delete", "remove":
		return "remove"
	case "login", "logout":
		return "authentication"
	}
	return "modify"
}

// An AuditEntry is one line of the audit log: who changed what, from where and when.
// Entries are only ever added. The log keeps names beside ids, since what they named
// may be gone or be called otherwise.
type AuditEntry struct {
	ID        int64 // its place in the log: 1, 2, 3 …; set by the store
	Action    AuditAction
	CreatedAt time.Time // set by the store
	By        Actor     // set by the store, which takes it from the context

	OrgID  int64 // of the organization that it is about, or that owns the repository; 0 for none
	Org    string
	RepoID int64  // 0 for none
	Repo   string // owner/name
	UserID int64  // of the account that it is about, besides By; 0 for none
	User   string

	// Data is what else there is to say, by GitHub's names where GitHub has one. It has
	// no secret and no token, and nothing of unlimited length.
	Data map[string]string

	Hash []byte // SHA-256 of the entry and of the hash before it; set by the store
}

// InRepo says which repository the entry is about.
func (e AuditEntry) InRepo(r *Repository) AuditEntry {
	e.RepoID, e.Repo = r.ID, r.FullName()
	if r.Owner.Type == Organization {
		e = e.InOrg(&r.Owner)
	}
	return e
}

// InOrg says which organization the entry is about.
func (e AuditEntry) InOrg(o *Account) AuditEntry {
	e.OrgID, e.Org = o.ID, o.Login
	return e
}

// Of says which account the entry is about.
func (e AuditEntry) Of(a *Account) AuditEntry {
	e.UserID, e.User = a.ID, a.Login
	return e
}

// With adds to what the entry says.
func (e AuditEntry) With(name, value string) AuditEntry {
	data := make(map[string]string, len(e.Data)+1)
	maps.Copy(data, e.Data)
	data[name] = Clip(value, maxLine)
	e.Data = data
	return e
}
