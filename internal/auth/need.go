package auth

import (
	"context"
	"fmt"
	"slices"

	"github.com/understudy-ci/understudy/internal/actions"
)

// On is what a request is about.
type On string

// What requests are about.
const (
	Site       On = "site"       // the server and all that is on it
	Enterprise On = "enterprise" // the one enterprise there is: the site under another name
	Org        On = "org"        // one organization
	Repo       On = "repo"       // one repository
	User       On = "user"       // the account that calls
)

// A Need is what a request needs of its caller. The zero Need lets nobody through.
type Need struct {
	On On

	// Public lets everybody through, also who has not signed in. A repository has
	// no use for it: Role says Read there, and who may read is the repository's to say.
	Public bool

	// Role is the least role on a repository. Elsewhere it is Admin for an owner of
	// the organization, or an admin of the site; any other is ignored.
	Role actions.Permission

	// Permission is what a job's or a fine-grained token must have: "actions",
	// "contents", …; empty for none. Those tokens reach nothing but repositories
	// and, if they are fine-grained, organizations and the account that calls.
	Permission string
	Level      Level // of Permission; empty for ReadLevel when Role is Read, else WriteLevel

	// Scopes are those of a classic token, of which one is enough. For a repository
	// [RepoScope], or for what is public "public_repo" as well, is needed without being
	// said, and Scopes are needed beside it.
	Scopes []string

	SignedIn bool // also for what is public in a repository
	Granted  bool // a job's or fine-grained token needs Permission also for what is public
	Archived bool // also what writes is done in a repository that is archived

	// Registration lets a runner through, too, that shows a token to register or
	// to remove runners where the request is; empty for no runner.
	Registration Registration
}

// Registration is what a token that a runner is configured with is good for.
type Registration string

// What runners are configured for.
const (
	Register Registration = "register"
	Remove   Registration = "remove"
)

// RepoScope is the scope of a classic token that reaches all repositories of its account.
const RepoScope = "repo"

// A Level is how far a permission of a token goes.
type Level string

// The levels of a permission.
const (
	ReadLevel  Level = "read"
	WriteLevel Level = "write"
)

// AccessLevel is the level of Permission that n asks for.
func (n Need) AccessLevel() Level {
	switch {
	case n.Level != "":
		return n.Level
	case n.Role <= actions.Read:
		return ReadLevel
	}
	return WriteLevel
}

// AcceptedScopes are the scopes of which a classic token needs one.
func (n Need) AcceptedScopes() []string {
	if n.On == Repo && n.Scopes == nil {
		return []string{RepoScope}
	}
	return n.Scopes
}

// A Target is what a request names: that which [Need.On] says.
type Target struct {
	Org  *actions.Account
	Repo *actions.Repository
}

var (
	errNotFound        = actions.Errorf(actions.NotFound, "Not Found")
	errSignIn          = actions.Errorf(actions.Unauthorized, "Requires authentication")
	errRepositoryAdmin = actions.Errorf(actions.Forbidden, "Must have admin rights to Repository.")
	errOwner           = actions.Errorf(actions.Forbidden, "You must be an owner of the organization to do this.")
	errIntegration     = actions.Errorf(actions.Forbidden, "Resource not accessible by integration")
	errPersonalToken   = actions.Errorf(actions.Forbidden, "Resource not accessible by personal access token")
)

// Metadata is what it takes to know of a repository.
var Metadata = Need{On: Repo, Role: actions.Read, Permission: "metadata"}

// Administer is what it takes to change a repository's settings, also of one that is
// archived.
var Administer = Need{On: Repo, Role: actions.Admin, Permission: "administration", Archived: true}

// MakeRepository is what it takes to make a repository of the account that calls, or of
// an organization.
func MakeRepository(on On, private bool) Need {
	n := Need{On: on, Role: actions.Admin, Permission: "administration", Scopes: []string{"public_repo", RepoScope}}
	if private {
		n.Scopes = []string{RepoScope}
	}
	return n
}

// ReadRuns is what it takes to read the runs of a repository.
var ReadRuns = Need{On: Repo, Role: actions.Read, Permission: "actions"}

// ReadPulls is what it takes to read the pull requests of a repository.
var ReadPulls = Need{On: Repo, Role: actions.Read, Permission: "pull-requests"}

// WritePulls is what it takes to make pull requests and reviews, and to change one's own.
var WritePulls = Need{On: Repo, Role: actions.Read, Permission: "pull-requests", Level: WriteLevel, SignedIn: true, Granted: true}

// PushCode is what it takes to move the branches of a repository, and so to merge.
var PushCode = Need{On: Repo, Role: actions.Write, Permission: "contents", SignedIn: true}

// SeeDrafts is what it takes to see releases of a repository that are not published yet,
// also where it is archived.
var SeeDrafts = Need{On: Repo, Role: actions.Write, Permission: "contents", SignedIn: true, Archived: true}

// DownloadRuns is what it takes to have what runs of a repository left, as files: their
// logs, above all, also where everybody reads the runs.
var DownloadRuns = Need{On: Repo, Role: actions.Read, Permission: "actions", SignedIn: true}

// May says whether the caller may do with the target what n says.
func (a *Auth) May(ctx context.Context, c *Caller, t Target, n Need) (bool, error) {
	err := a.Can(ctx, c, t, n)
	switch actions.KindOf(err) { //nolint:exhaustive // the others are failures
	case actions.Forbidden, actions.NotFound, actions.Unauthorized:
		return false, nil
	}
	return err == nil, err
}

// Can is nil if the caller may do with the target what n says, NotFound if they
// may not even know of it, and else Forbidden, or Unauthorized for who has not
// signed in.
func (a *Auth) Can(ctx context.Context, c *Caller, t Target, n Need) error {
	switch n.On {
	case Repo:
		return a.canInRepository(ctx, c, t.Repo, n)
	case Org:
		if n.Role < actions.Admin {
			return n.known(c)
		}
		return a.canOwn(ctx, c, t.Org, n)
	case User:
		if n.Role < actions.Admin {
			return n.known(c)
		}
		return a.canOwn(ctx, c, c.Account, n)
	case Site, Enterprise:
		if n.Role < actions.Admin {
			return n.known(c)
		}
		return n.administers(c)
	}
	return fmt.Errorf("nobody said what a request on %q needs", n.On)
}

// known lets everybody through if n is public, and else each account but a job's.
func (n Need) known(c *Caller) error {
	switch {
	case n.Public:
		return nil
	case c.Anonymous():
		return errSignIn
	case c.Token.Kind == actions.JobToken:
		return errIntegration
	}
	return nil
}

func (a *Auth) canInRepository(ctx context.Context, c *Caller, repo *actions.Repository, n Need) error {
	p, err := a.Permission(ctx, c, repo)
	switch {
	case err != nil:
		return err
	case p == actions.NoAccess:
		return errNotFound
	case c.Anonymous() && (n.SignedIn || p < n.Role):
		return errSignIn
	case c.Anonymous():
		return nil
	}
	if refusal := c.refusal(); refusal != nil && !allows(c.Token, repo, n) {
		return refusal
	}
	if p < n.Role {
		if c.Token.Kind == actions.JobToken {
			return errIntegration
		}
		return errRepositoryAdmin
	}
	if c.Token.Kind == actions.Classic && n.Scopes != nil && !slices.ContainsFunc(n.Scopes, c.HasScope) {
		return errRepositoryAdmin
	}
	if repo.Archived && n.AccessLevel() == WriteLevel && !n.Archived {
		return actions.ErrArchived
	}
	return nil
}

// canOwn is nil if the caller may do what only owners of an account do: the
// account itself, an owner of the organization, or a site admin.
func (a *Auth) canOwn(ctx context.Context, c *Caller, owner *actions.Account, n Need) error {
	if c.Anonymous() {
		return errSignIn
	}
	if refusal := c.refusal(); refusal != nil {
		if c.Token.Kind != actions.FineGrained || !covers(c.Token, n) {
			return refusal
		}
	} else if !slices.ContainsFunc(n.Scopes, c.HasScope) {
		return errOwner
	}
	if c.Account.SiteAdmin || c.Account.ID == owner.ID {
		return nil
	}
	_, is, err := a.store.Member(ctx, owner.ID, c.Account.ID)
	if err != nil {
		return err
	}
	if !is {
		return errOwner
	}
	return nil
}

// administers is nil if the caller is a site admin whose token has a scope of n.
// To others what only site admins may do does not exist.
func (n Need) administers(c *Caller) error {
	switch {
	case c.Anonymous():
		return errSignIn
	case !c.Account.SiteAdmin || !slices.ContainsFunc(n.Scopes, c.HasScope):
		return errNotFound
	}
	return nil
}

// refusal is what a token with permissions answers when it lacks one, nil for
// tokens with scopes.
func (c *Caller) refusal() error {
	switch c.Token.Kind {
	case actions.JobToken:
		return errIntegration
	case actions.FineGrained:
		return errPersonalToken
	case actions.Classic, actions.WebSession:
	}
	return nil
}
