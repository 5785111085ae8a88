package graphql

import (
	"context"
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

const (
	maxFirst = 100     // entries that one list gives, as on GitHub
	maxAfter = 100_000 // entries before them
)

// A part is the piece of a list that a query asks for.
type part struct {
	offset, size int
}

// partOf reads the arguments of a list; in is its name, for errors.
func partOf(in string, first *int32, after *string) (part, error) {
	switch {
	case first == nil:
		return part{}, actions.Errorf(actions.Invalid, "You must provide a `first` or `last` value to properly paginate the `%s` connection.", in)
	case *first < 0:
		return part{}, actions.Errorf(actions.Invalid, "`first` on the `%s` connection cannot be less than zero.", in)
	case *first > maxFirst:
		return part{}, actions.Errorf(actions.Invalid, "Requesting %d records on the `%s` connection exceeds the `first` limit of %d records.", *first, in, maxFirst)
	}
	p := part{size: int(*first)}
	if after == nil || *after == "" {
		return p, nil
	}
	raw, _ := base64.StdEncoding.DecodeString(*after)
	n, err := strconv.Atoi(strings.TrimPrefix(string(raw), cursorPrefix))
	if p.offset = n; err != nil || n < 0 || n > maxAfter || cursor(n) != *after {
		return part{}, actions.Errorf(actions.Invalid, "`%.100s` does not appear to be a valid cursor.", *after)
	}
	return p, nil
}

const cursorPrefix = "cursor:"

// cursor stands for the n-th entry of a list, after which the next part begins.
func cursor(n int) string {
	return base64.StdEncoding.EncodeToString([]byte(cursorPrefix + strconv.Itoa(n)))
}

// leastCost is what a list costs of [maxFields], however few of its entries are asked for:
// the database counts them all.
const leastCost = 20

// read reads a part of a list that comes in pages of any size, and says how many entries
// the whole list has. Each entry costs as a field does, whether the query shows it or not.
func read[T any](ctx context.Context, p part, page func(store.Page) ([]T, int, error)) (list []T, total int, info pageInfo, err error) {
	if err := spend(ctx, max(p.size, leastCost)); err != nil {
		return nil, 0, pageInfo{}, err
	}
	size := max(p.size, 1)
	for number := p.offset/size + 1; len(list) < p.size || number == p.offset/size+1; number++ {
		var more []T
		if more, total, err = page(store.Page{Number: number, Size: size}); err != nil {
			return nil, 0, pageInfo{}, err
		}
		if number == p.offset/size+1 {
			more = more[min(p.offset%size, len(more)):]
		}
		list = append(list, more...)
		if number*size >= total {
			break
		}
	}
	list = list[:min(p.size, len(list))]
	end := p.offset + len(list)
	info = pageInfo{HasNextPage: end < total, HasPreviousPage: p.offset > 0 && total > 0}
	if len(list) > 0 {
		from, to := cursor(p.offset+1), cursor(end)
		info.StartCursor, info.EndCursor = &from, &to
	}
	return list, total, info, nil
}

// size is the number of entries of a list as the protocol can tell it.
func size(total int) int32 { return int32(min(total, math.MaxInt32)) }

// A repositoryList is a part of a list of repositories.
type repositoryList struct {
	TotalCount int32
	Nodes      *[]*repositoryNode
	PageInfo   pageInfo
}

// repositories lists those that fit f and that the viewer may see.
func (a *API) repositories(ctx context.Context, f store.RepositoryFilter, p part) (*repositoryList, error) {
	caller := callOf(ctx).caller
	list, total, info, err := read(ctx, p, func(page store.Page) ([]*actions.Repository, int, error) {
		return a.Store.Repositories(ctx, a.Auth.Viewer(caller), f, page)
	})
	if err != nil {
		return nil, err
	}
	nodes := make([]*repositoryNode, 0, len(list))
	for _, repo := range list {
		may, err := a.Auth.Permission(ctx, caller, repo)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, a.repository(ctx, repo, may))
	}
	return &repositoryList{TotalCount: size(total), Nodes: &nodes, PageInfo: info}, nil
}

// repositoryOrders are the store's names of GitHub's orders. Nothing has stars, so that
// any order is the one by them.
var repositoryOrders = map[string]string{
	"CREATED_AT": "created", "NAME": "full_name", "PUSHED_AT": "pushed", "STARGAZERS": "created", "UPDATED_AT": "updated",
}

// Repositories are those of the account, and those that it has to do with.
func (a *account) Repositories(ctx context.Context, args struct {
	First              *int32
	After, Privacy     *string
	IsArchived, IsFork *bool
	OwnerAffiliations  *[]*string
	OrderBy            *struct{ Field, Direction string }
},
) (*repositoryList, error) {
	p, err := partOf("repositories", args.First, args.After)
	if err != nil {
		return nil, err
	}
	if args.IsFork != nil && *args.IsFork {
		return &repositoryList{Nodes: &[]*repositoryNode{}}, nil // there are no forks
	}
	f := store.RepositoryFilter{Archived: args.IsArchived, Sort: "created"}
	if args.Privacy != nil {
		f.Visibility = strings.ToLower(*args.Privacy)
	}
	if args.OrderBy != nil {
		f.Sort, f.Descending = repositoryOrders[args.OrderBy.Field], args.OrderBy.Direction == "DESC"
	}
	if a.is.Type == actions.Organization {
		f.OwnerID = a.is.ID
		return a.api.repositories(ctx, f, p)
	}
	f.Of = store.Relations{AccountID: a.is.ID, Owner: true, Collaborator: true}
	if args.OwnerAffiliations != nil && len(*args.OwnerAffiliations) > 0 {
		f.Of = store.Relations{AccountID: a.is.ID}
		for _, of := range *args.OwnerAffiliations {
			switch {
			case of == nil:
			case *of == "OWNER":
				f.Of.Owner = true
			case *of == "COLLABORATOR":
				f.Of.Collaborator = true
			default:
				f.Of.Member = true
			}
		}
	}
	return a.api.repositories(ctx, f, p)
}

// An organizationList is a part of a list of organizations.
type organizationList struct {
	TotalCount int32
	Nodes      *[]*account
	PageInfo   pageInfo
}

// Organizations are those of which the person is a member, as far as the viewer may know.
func (a *account) Organizations(ctx context.Context, args struct {
	First *int32
	After *string
},
) (*organizationList, error) {
	p, err := partOf("organizations", args.First, args.After)
	if err != nil {
		return nil, err
	}
	caller := callOf(ctx).caller
	if t := caller.Token; t != nil && t.Kind == actions.Classic && !caller.HasScope("read:org") {
		return nil, actions.Errorf(actions.Forbidden, "Your token has not been granted the required scopes to execute this query. "+
			"The 'organizations' field requires one of the following scopes: ['read:org'], but your token has only been granted the: %s scopes.", quoted(t.Scopes))
	}
	list, total, info, err := read(ctx, p, func(page store.Page) ([]*actions.Account, int, error) {
		return a.api.Store.Organizations(ctx, a.is.ID, caller.Account.ID, page)
	})
	if err != nil {
		return nil, err
	}
	nodes := make([]*account, 0, len(list))
	for _, org := range list {
		nodes = append(nodes, a.api.account(ctx, org))
	}
	return &organizationList{TotalCount: size(total), Nodes: &nodes, PageInfo: info}, nil
}

// quoted is a list of words as GitHub's errors have it: ['repo', 'workflow'].
func quoted(words []string) string {
	var b strings.Builder
	for i, w := range words {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "'%s'", w)
	}
	return "[" + b.String() + "]"
}
