package graphql

import (
	"context"
	"math"

	gql "github.com/graph-gophers/graphql-go"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/shape"
)

// A query resolves the fields where queries begin.
type query struct{ api *API }

// Viewer is who sends the query.
func (q *query) Viewer(ctx context.Context) *account {
	return newAccount(ctx, callOf(ctx).caller.Account)
}

// An account is a User or an Organization.
type account struct {
	ID         gql.ID
	DatabaseID *int32
	Login      string
	Name       *string
	URL        word

	kind actions.AccountType
}

func newAccount(ctx context.Context, a *actions.Account) *account {
	return &account{
		ID: nodeID(string(a.Type), a.ID), DatabaseID: number(a.ID), Login: a.Login, Name: shape.Null(a.Name),
		URL: word(callOf(ctx).base.HTML + "/" + a.Login), kind: a.Type,
	}
}

// An owner is an account as the interface RepositoryOwner.
type owner struct{ *account }

// ToOrganization is the owner if it is an organization.
func (o owner) ToOrganization() (*account, bool) { return o.account, o.kind == actions.Organization }

// ToUser is the owner if it is a person.
func (o owner) ToUser() (*account, bool) { return o.account, o.kind != actions.Organization }

func nodeID(kind string, id int64) gql.ID { return gql.ID(shape.NodeID(kind, id)) }

// number is an id as the protocol can tell it: null where it has more than 32 bits.
func number(id int64) *int32 {
	if id > math.MaxInt32 {
		return nil
	}
	n := int32(id)
	return &n
}

// A word is a value of a scalar that JSON writes as text: URI, DateTime, GitSSHRemote.
type word string

// ImplementsGraphQLType implements a scalar of the library.
func (word) ImplementsGraphQLType(name string) bool {
	return name == "URI" || name == "DateTime" || name == "GitSSHRemote"
}

// UnmarshalGraphQL implements a scalar of the library. No field takes one.
func (*word) UnmarshalGraphQL(any) error {
	return actions.Errorf(actions.Invalid, "no argument has this type")
}
