package actions

import (
	"regexp"
	"strings"
	"time"
)

// An AccountType tells people from organizations, in GitHub's words.
type AccountType string

// The account types.
const (
	User         AccountType = "User"
	Organization AccountType = "Organization"
	Bot          AccountType = "Bot" // acts for jobs; cannot sign in
)

// JobBot is the login of the account that acts with a job's GITHUB_TOKEN. No one
// can choose it: see [CheckLogin].
const JobBot = "github-actions[bot]"

// Ghost is the login of accounts that were deleted, as people see it beside what
// those have done. Nobody is found by it, and no one can choose it.
const Ghost = "ghost"

// An Account owns repositories. People sign in; organizations have members.
type Account struct {
	ID        int64
	Login     string // as written at creation; compared without case
	Type      AccountType
	Name      string // display name, may be empty
	Email     string // may be empty
	SiteAdmin bool   // may do everything on this server
	Suspended bool   // may do nothing: every token answers as if it did not exist
	CreatedAt time.Time
	UpdatedAt time.Time
}

var loginPattern = regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9]|-[A-Za-z0-9])*$`)

// reservedLogins are first path segments that the server itself answers. The
// login "actions" is free, for actions/checkout and the like: the one path of the
// runner protocol below it is told apart by its shape.
var reservedLogins = map[string]bool{
	"api": true, "twirp": true, "healthz": true, "readyz": true, "metrics": true, "login": true, "logout": true,
	"enterprises": true, "orgs": true, "organizations": true, "users": true, "user": true,
	"repos": true, "repositories": true, "settings": true, "admin": true, "site": true, "static": true,
	"assets": true, "graphql": true, "meta": true, "about": true, "new": true, "search": true, "explore": true,
	"favicon": true, "robots": true, "session": true, "sessions": true, "events": true, "apps": true, "app": true,
	Ghost: true, "github-actions": true, "raw": true, "codeload": true, "gist": true, "notifications": true,
}

// GitHub's own rule for logins allows 39 characters.
const maxLogin = 39

// CheckLogin says whether login may name a new account: letters, digits and
// single hyphens, 39 characters at most, and no word that a URL of the server
// starts with.
func CheckLogin(login string) error {
	if len(login) > maxLogin || !loginPattern.MatchString(login) {
		return Errorf(Invalid, "login %q may only contain alphanumeric characters or single hyphens, cannot begin or end with a hyphen, and has at most %d characters", login, maxLogin)
	}
	if reservedLogins[strings.ToLower(login)] {
		return Errorf(Invalid, "login %q is reserved", login)
	}
	return nil
}

// maxLookup is longer than any login or name of a repository.
const maxLookup = 100

// CanBeName says whether an account or repository could have the name at all, so
// that nothing is looked up or kept for one that cannot.
func CanBeName(name string) bool {
	return name != "" && len(name) <= maxLookup && !strings.ContainsFunc(name, func(c rune) bool { return c <= ' ' || c > '~' })
}

// A Permission is what an account may do with a repository. The order of the
// constants is the order of power.
type Permission int

// The repository roles of GitHub.
const (
	NoAccess Permission = iota
	Read
	Triage
	Write
	Maintain
	Admin
)

var permissionNames = [...]string{"none", "read", "triage", "write", "maintain", "admin"}

// String is GitHub's word for p.
func (p Permission) String() string { return permissionNames[p] }

// ParsePermission is the permission of that name; pull and push are accepted
// for read and write, as GitHub does.
func ParsePermission(s string) (Permission, error) {
	switch s {
	case "pull":
		return Read, nil
	case "push":
		return Write, nil
	}
	for i, n := range permissionNames {
		if n == s && i > 0 {
			return Permission(i), nil
		}
	}
	return NoAccess, Errorf(Invalid, "permission %q is not one of read, triage, write, maintain, admin", s)
}
