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
	Nodes           *[]*item
	PageInfo        pageInfo
}

// An item is what a search finds: a repository.
type item struct{ repository *repositoryNode }

// ToRepository is the item as a repository.
func (i *item) ToRepository() (*repositoryNode, bool) { return i.repository, true }

// Search finds repositories by the words of GitHub's search that say whose they are and
// what state they have; a word that is not known is an error.
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
	none := &found{Nodes: &[]*item{}}
	f, ok, err := q.searched(ctx, args.Query)
	if err != nil || !ok {
		return none, err
	}
	list, err := q.api.repositories(ctx, f, p)
	if err != nil {
		return nil, err
	}
	items := make([]*item, 0, len(*list.Nodes))
	for _, repo := range *list.Nodes {
		items = append(items, &item{repo})
	}
	return &found{list.TotalCount, &items, list.PageInfo}, nil
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
	a, err := q.api.accountOf(ctx, login, "User", actions.User, actions.Organization)
	switch {
	case actions.KindOf(err) == actions.NotFound:
		return 0, nil
	case err != nil:
		return 0, err
	}
	return a.is.ID, nil
}
