package actions

import (
	"slices"
	"time"
)

// A TokenKind tells tokens apart by what bounds them.
type TokenKind string

// The kinds of token.
const (
	Classic     TokenKind = "classic" // ghp_: scopes
	FineGrained TokenKind = "fine"    // github_pat_: permissions per repository
	JobToken    TokenKind = "job"     // ghs_: one repository, dies with its job
	WebSession  TokenKind = "web"     // a browser's cookie: all that its account may
)

// A Token proves who is calling. Only its hash is kept.
type Token struct {
	ID         int64
	AccountID  int64
	Kind       TokenKind
	Hash       []byte // SHA-256
	Note       string
	Scopes     []string          // Classic: "repo", "workflow", …
	RepoID     int64             // JobToken: its repository
	JobID      int64             // JobToken: its job
	Access     map[string]string // JobToken: permission → read, write
	ParentID   int64             // WebSession: the token that somebody signed in with, and with which it ends; 0 for none
	CreatorID  int64             // the account that made it to act as AccountID, and with whose suspension it ends; 0 for its own
	ExpiresAt  time.Time         // zero for never
	CreatedAt  time.Time
	LastUsedAt time.Time
}

// Personal says whether people keep the token: they list and revoke it.
func (t *Token) Personal() bool { return t.Kind == Classic || t.Kind == FineGrained }

// scopeParents says which scope contains which others (GitHub's "Available scopes").
var scopeParents = map[string][]string{
	"public_repo": {"repo"}, "repo:status": {"repo"}, "repo_deployment": {"repo"}, "repo:invite": {"repo"},
	"read:org": {"write:org", "admin:org"}, "write:org": {"admin:org"},
	"read:user": {"user"}, "user:email": {"user"},
	"read:enterprise": {"admin:enterprise"}, "manage_runners:enterprise": {"admin:enterprise"},
	"manage_runners:org": {"admin:org"},
}

// Scopes are the scopes that a classic token may have.
func Scopes() []string {
	return []string{
		"repo", "repo:status", "repo_deployment", "public_repo", "repo:invite", "workflow",
		"admin:org", "write:org", "read:org", "manage_runners:org", "user", "read:user", "user:email",
		"admin:enterprise", "manage_runners:enterprise", "read:enterprise", "site_admin", "read:audit_log", "delete_repo", "admin:repo_hook", "gist", "notifications",
	}
}

// HasScope says whether a classic token has the scope or one that contains it.
func (t *Token) HasScope(scope string) bool {
	if slices.Contains(t.Scopes, scope) {
		return true
	}
	for _, p := range scopeParents[scope] {
		if slices.Contains(t.Scopes, p) {
			return true
		}
	}
	return false
}

// Expired says whether the token's time is over.
func (t *Token) Expired(now time.Time) bool { return !t.ExpiresAt.IsZero() && !now.Before(t.ExpiresAt) }
