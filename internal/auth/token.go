package auth

import "github.com/understudy-ci/understudy/internal/actions"

// most is the highest permission that a token lets its account have.
func most(t *actions.Token, repo *actions.Repository) actions.Permission {
	switch t.Kind {
	case actions.WebSession:
		return actions.Admin
	case actions.Classic:
		if t.HasScope("repo") || !repo.Private && t.HasScope("public_repo") {
			return actions.Admin
		}
	case actions.FineGrained:
		if t.RepoID == 0 || t.RepoID == repo.ID {
			return actions.Admin
		}
	case actions.JobToken: // its account's permissions do not count
	}
	return public(repo)
}

// allows says whether the permissions of a token reach as far as n. What is
// public needs none to be read, unless n says so.
func allows(t *actions.Token, repo *actions.Repository, n Need) bool {
	level := n.AccessLevel()
	if level == ReadLevel && n.Role <= actions.Read && !repo.Private && !n.Granted {
		return true
	}
	if t.RepoID != 0 && t.RepoID != repo.ID {
		return false
	}
	if n.Permission == "" || n.Permission == "metadata" {
		return level == ReadLevel
	}
	return has(t, n.Permission, level)
}

// covers says whether a fine-grained token reaches as far as n outside of
// repositories. One that is for a single repository does not.
func covers(t *actions.Token, n Need) bool {
	return t.RepoID == 0 && n.Permission != "" && has(t, n.Permission, n.AccessLevel())
}

func has(t *actions.Token, permission string, level Level) bool {
	given := Level(t.Access[permission])
	return given == WriteLevel || given == ReadLevel && level == ReadLevel
}
