package graphql

import (
	"context"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

// A found is a part of what a search has found.
type found struct {
	RepositoryCount int32
	IssueCount      int32
	Nodes           *[]*item
	Edges           *[]*itemEdge
	PageInfo        pageInfo
}

type itemEdge struct {
	Cursor string
	Node   *item
}

// An item is what a search finds: a repository or a pull request.
type item struct {
	repository *repositoryNode
	pull       *pullNode
}

// ToRepository is the item as a repository.
func (i *item) ToRepository() (*repositoryNode, bool) { return i.repository, i.repository != nil }

// ToPullRequest is the item as a pull request.
func (i *item) ToPullRequest() (*pullNode, bool) { return i.pull, i.pull != nil }

// add adds an item to a part that begins at offset.
func (f *found) add(i *item, offset int) {
	*f.Nodes = append(*f.Nodes, i)
	*f.Edges = append(*f.Edges, &itemEdge{cursor(offset + len(*f.Nodes)), i})
}

// Search finds repositories and pull requests by the words of GitHub's search that say
// whose they are and what state they have; a word that is not known is an error.
func (q *root) Search(ctx context.Context, args struct {
	Type, Query string
	First       *int32
	After       *string
},
) (*found, error) {
	p, err := partOf("search", args.First, args.After)
	if err != nil {
		return nil, err
	}
	out := &found{Nodes: &[]*item{}, Edges: &[]*itemEdge{}}
	if args.Type == "ISSUE" {
		return out, q.findPulls(ctx, out, args.Query, p)
	}
	f, ok, err := q.searched(ctx, args.Query)
	if err != nil || !ok {
		return out, err
	}
	list, err := q.api.repositories(ctx, f, p)
	if err != nil {
		return nil, err
	}
	out.RepositoryCount, out.PageInfo = list.TotalCount, list.PageInfo
	for _, repo := range *list.Nodes {
		out.add(&item{repository: repo}, p.offset)
	}
	return out, nil
}

// searched reads a search; ok is false where nothing can fit.
func (q *root) searched(ctx context.Context, text string) (f store.RepositoryFilter, ok bool, err error) {
	f, ok = store.RepositoryFilter{Sort: "created", Descending: true}, true
	for word := range strings.FieldsSeq(text) {
		name, value, qualified := strings.Cut(word, ":")
		value = strings.Trim(value, `"`)
		switch {
		case !qualified:
			return f, false, actions.Errorf(actions.Invalid, "The search has the word %.100q, and finds repositories by their owner and their state only.", word)
		case value == "": // nothing is said
		case name == "user" || name == "org":
			f.OwnerID, err = q.searchedOwner(ctx, value)
			if err != nil {
				return f, false, err
			}
			ok = ok && f.OwnerID != 0
		case name == "archived" && (value == "true" || value == "false"):
			archived := value == "true"
			f.Archived = &archived
		case name == "fork" && (value == "true" || value == "false"): // nothing is a fork
		case name == "fork" && value == "only", name == "language": // nor is the language of anything known
			ok = false
		case (name == "is" || name == "visibility") && (value == "public" || value == "private" || value == "internal"):
			f.Visibility = value
		case name == "topic":
			f.Topic = value
		case name == "sort" && (value == "updated" || value == "updated-desc"):
			f.Sort, f.Descending = "updated", true
		case name == "sort" && value == "updated-asc":
			f.Sort, f.Descending = "updated", false
		default:
			return f, false, actions.Errorf(actions.Invalid, "The search has %.100q, which this server does not know.", word)
		}
	}
	return f, ok, nil
}

// searchedOwner is the id of an account, 0 where there is none.
func (q *root) searchedOwner(ctx context.Context, login string) (int64, error) {
	if login == "@me" {
		return callOf(ctx).caller.Account.ID, nil
	}
	a, err := q.api.accountOf(ctx, login, "a User", actions.User, actions.Organization)
	switch {
	case actions.KindOf(err) == actions.NotFound:
		return 0, nil
	case err != nil:
		return 0, err
	}
	return a.is.ID, nil
}
