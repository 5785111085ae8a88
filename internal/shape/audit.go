package shape

import (
	"github.com/understudy-ci/understudy/internal/actions"
)

// programmaticAccess is GitHub's word for what a caller showed.
var programmaticAccess = map[actions.TokenKind]string{
	actions.Classic: "Personal access token (classic)", actions.FineGrained: "Fine-grained personal access token", actions.JobToken: "GitHub App server-to-server token",
}

// NewAuditEntry is an entry of the audit log by GitHub's names. What is not known is
// left out.
func NewAuditEntry(e *actions.AuditEntry) map[string]any {
	at := e.CreatedAt.UnixMilli()
	v := map[string]any{
		"@timestamp": at, "created_at": at, "_document_id": NodeID("AuditEntry", e.ID),
		"action": e.Action, "operation_type": e.Action.Operation(), "business": actions.Enterprise,
	}
	for name, value := range e.Data { // before the rest, which counts more
		v[name] = value
	}
	for name, text := range map[string]string{
		"actor": e.By.Login, "actor_ip": e.By.Address, "user_agent": e.By.UserAgent, "programmatic_access_type": programmaticAccess[e.By.TokenKind],
		"org": e.Org, "repo": e.Repo, "user": e.User,
	} {
		if text != "" {
			v[name] = text
		}
	}
	for name, id := range map[string]int64{
		"actor_id": e.By.AccountID, "token_id": e.By.TokenID, "job_id": e.By.JobID, "org_id": e.OrgID, "repo_id": e.RepoID, "user_id": e.UserID,
	} {
		if id != 0 {
			v[name] = id
		}
	}
	return v
}
