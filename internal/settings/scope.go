package settings

import "github.com/understudy-ci/understudy/internal/actions"

// A Scope is whose settings are meant. The zero value is the enterprise.
type Scope struct {
	owner, repo int64
	public      bool // a public repository
}

// Repo is the scope of a repository. It looks at its id, its owner's, and its visibility.
func Repo(r *actions.Repository) Scope { return Scope{r.Owner.ID, r.ID, !r.Private} }

// Org is the scope of an organization: all of its repositories.
func Org(a *actions.Account) Scope { return Scope{owner: a.ID} }

// Enterprise is the scope of the whole site.
func Enterprise() Scope { return Scope{} }

// own is where the scope's own settings are.
func (sc Scope) own() actions.Scope {
	if sc.repo != 0 {
		return actions.Scope{RepoID: sc.repo}
	}
	return actions.Scope{OwnerID: sc.owner}
}

// above are the scopes whose settings count for this one too, the widest first.
func (sc Scope) above() []actions.Scope {
	switch {
	case sc.repo != 0: // nobody sets anything for a user's repositories: those find nothing
		return []actions.Scope{{}, {OwnerID: sc.owner}}
	case sc.owner != 0:
		return []actions.Scope{{}}
	}
	return nil
}
