package graphql

import (
	"context"
	"fmt"
	"math"
	"slices"

	gql "github.com/graph-gophers/graphql-go"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/shape"
)

// A root resolves the fields where queries and mutations begin.
type root struct{ api *API }

// Viewer is who sends the query.
func (q *root) Viewer(ctx context.Context) *account {
	return q.api.account(ctx, callOf(ctx).caller.Account)
}

// User is the person of that login.
func (q *root) User(ctx context.Context, args struct{ Login string }) (*account, error) {
	return q.api.accountOf(ctx, args.Login, "a User", actions.User, actions.Bot)
}

// Organization is that of that login.
func (q *root) Organization(ctx context.Context, args struct{ Login string }) (*account, error) {
	return q.api.accountOf(ctx, args.Login, "an Organization", actions.Organization)
}

// RepositoryOwner is the person or organization of that login; null where there is none,
// as on GitHub.
func (q *root) RepositoryOwner(ctx context.Context, args struct{ Login string }) (*owner, error) {
	a, err := q.api.accountOf(ctx, args.Login, "a User", actions.User, actions.Organization)
	if actions.KindOf(err) == actions.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &owner{a}, nil
}

// accountOf is the account of a login, if it is of one of the types; as is what it should
// be, for the error.
func (a *API) accountOf(ctx context.Context, login, as string, types ...actions.AccountType) (*account, error) {
	missing := actions.Errorf(actions.NotFound, "%w", &notResolved{fmt.Sprintf("Could not resolve to %s with the login of '%.100s'.", as, login)})
	if !actions.CanBeName(login) {
		return nil, missing
	}
	found, err := a.Store.AccountByLogin(ctx, login)
	switch {
	case actions.KindOf(err) == actions.NotFound, err == nil && !slices.Contains(types, found.Type):
		return nil, missing
	case err != nil:
		return nil, err
	}
	return a.account(ctx, found), nil
}

// An account is a User or an Organization.
type account struct {
	ID         gql.ID
	DatabaseID *int32
	Login      string
	Name       *string
	URL        word

	api  *API
	is   *actions.Account
	user *shape.SimpleUser
}

func (a *API) account(ctx context.Context, of *actions.Account) *account {
	user := shape.NewSimpleUser(callOf(ctx).base, of)
	return &account{
		ID: gql.ID(user.NodeID), DatabaseID: number(of.ID), Login: of.Login, Name: shape.Null(of.Name),
		URL: word(user.HTMLURL), api: a, is: of, user: user,
	}
}

// AvatarURL is the account's picture, whatever size is asked for.
func (a *account) AvatarURL(struct{ Size *int32 }) word { return word(a.user.AvatarURL) }

// An owner is an account as the interface RepositoryOwner.
type owner struct{ *account }

// ToOrganization is the owner if it is an organization.
func (o owner) ToOrganization() (*account, bool) { return o.account, o.is.Type == actions.Organization }

// ToUser is the owner if it is a person.
func (o owner) ToUser() (*account, bool) { return o.account, o.is.Type != actions.Organization }

func nodeID(kind string, id int64) gql.ID { return gql.ID(shape.NodeID(kind, id)) }

// number is an id as the protocol can tell it: null where it has more than 32 bits.
func number(id int64) *int32 {
	if id > math.MaxInt32 {
		return nil
	}
	n := int32(id)
	return &n
}

// A word is a value of a scalar that JSON writes as text: URI, DateTime, GitSSHRemote, GitObjectID.
type word string

// ImplementsGraphQLType implements a scalar of the library.
func (word) ImplementsGraphQLType(name string) bool {
	return name == "URI" || name == "DateTime" || name == "GitSSHRemote" || name == "GitObjectID"
}

// UnmarshalGraphQL implements a scalar of the library, for arguments.
func (w *word) UnmarshalGraphQL(value any) error {
	text, ok := value.(string)
	if !ok {
		return actions.Errorf(actions.Invalid, "it is not a string")
	}
	*w = word(text)
	return nil
}
