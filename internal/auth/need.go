package auth

import (
	"context"

	"github.com/understudy-ci/understudy/internal/actions"
)

// A Need is what a request needs of its caller.
type Need struct {
	Permission actions.Permission // role on the repository
	Scope      string             // permission that a job's or fine-grained token needs: "actions", "contents", …; empty for none
	Level      Level              // of Scope; empty for ReadLevel when Permission is Read, else WriteLevel
	SignedIn   bool               // also for what is public
	Granted    bool               // a job's or fine-grained token needs Scope also for what is public
}

// A Level is how far a permission of a token goes.
type Level string

// The levels of a permission.
const (
	ReadLevel  Level = "read"
	WriteLevel Level = "write"
)

// AccessLevel is the level of Scope that n asks for.
func (n Need) AccessLevel() Level {
	switch {
	case n.Level != "":
		return n.Level
	case n.Permission <= actions.Read:
		return ReadLevel
	}
	return WriteLevel
}

var (
	errNotFound        = actions.Errorf(actions.NotFound, "Not Found")
	errSignIn          = actions.Errorf(actions.Unauthorized, "Requires authentication")
	errRepositoryAdmin = actions.Errorf(actions.Forbidden, "Must have admin rights to Repository.")
	errOwner           = actions.Errorf(actions.Forbidden, "You must be an owner of the organization to do this.")
	errIntegration     = actions.Errorf(actions.Forbidden, "Resource not accessible by integration")
	errPersonalToken   = actions.Errorf(actions.Forbidden, "Resource not accessible by personal access token")
)

// Can is nil if the caller may do with the repository what n says, NotFound if
// they may not even know of it, and else Forbidden, or Unauthorized for who has
// not signed in.
func (a *Auth) Can(ctx context.Context, c *Caller, repo *actions.Repository, n Need) error {
	p, err := a.Permission(ctx, c, repo)
	switch {
	case err != nil:
		return err
	case p == actions.NoAccess:
		return errNotFound
	case c.Anonymous() && (n.SignedIn || p < n.Permission):
		return errSignIn
	case c.Anonymous():
		return nil
	}
	if refusal := c.refusal(); refusal != nil && !allows(c.Token, repo, n) {
		return refusal
	}
	if p < n.Permission {
		if c.Token.Kind == actions.JobToken {
			return errIntegration
		}
		return errRepositoryAdmin
	}
	return nil
}

// CanOwn is nil if the caller may administer an account, such as by making a
// repository of its own: the account itself, an owner of the organization, or a
// site admin; with a token that has the scope.
func (a *Auth) CanOwn(ctx context.Context, c *Caller, owner *actions.Account, scope string) error {
	if c.Anonymous() {
		return errSignIn
	}
	if refusal := c.refusal(); refusal != nil {
		return refusal
	}
	if !c.HasScope(scope) {
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

// CanAdminister is nil if the caller is a site admin whose token has the scope.
// To others what only site admins may do does not exist.
func (a *Auth) CanAdminister(c *Caller, scope string) error {
	switch {
	case c.Anonymous():
		return errSignIn
	case !c.Account.SiteAdmin || !c.HasScope(scope):
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
