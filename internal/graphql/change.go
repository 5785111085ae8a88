package graphql

import (
	"context"
	"fmt"
	"strings"

	gql "github.com/graph-gophers/graphql-go"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/repository"
	"github.com/understudy-ci/understudy/internal/shape"
)

// maxChanges is how many mutations one request has, so that a request costs no more than
// a few of REST do.
const maxChanges = 10

// A changed is what a mutation gives back.
type changed struct {
	ClientMutationID *string
	Repository       *repositoryNode
}

// begin counts a mutation of a request.
func begin(ctx context.Context) error {
	if callOf(ctx).changes.Add(1) > maxChanges {
		return actions.Errorf(actions.Invalid, "The request has more than %d mutations", maxChanges)
	}
	return nil
}

// CreateRepository makes a repository.
func (q *root) CreateRepository(ctx context.Context, args struct {
	Input struct {
		ClientMutationID, Description    *string
		HasIssuesEnabled, HasWikiEnabled *bool
		HomepageURL                      *word
		Name                             string
		OwnerID                          *gql.ID
		Template                         *bool
		Visibility                       string
	}
},
) (*changed, error) {
	if err := begin(ctx); err != nil {
		return nil, err
	}
	in, caller := args.Input, callOf(ctx).caller
	owner, on := caller.Account, auth.User
	if in.OwnerID != nil {
		var err error
		if owner, err = q.ownerOf(ctx, *in.OwnerID); err != nil {
			return nil, err
		}
	}
	target := auth.Target{}
	switch {
	case owner.Type == actions.Organization:
		on, target.Org = auth.Org, owner
	case owner.ID != caller.Account.ID:
		return nil, actions.Errorf(actions.Forbidden, "%s cannot create a repository for %s.", caller.Account.Login, owner.Login)
	}
	repo := &actions.Repository{Owner: *owner, Name: in.Name, Options: actions.StandardOptions()}
	repo.Options.HasWiki = false
	set(&repo.Description, in.Description)
	set(&repo.Homepage, (*string)(in.HomepageURL))
	set(&repo.Options.HasIssues, in.HasIssuesEnabled)
	set(&repo.Options.HasWiki, in.HasWikiEnabled)
	set(&repo.Options.IsTemplate, in.Template)
	if err := repo.SetVisibility(strings.ToLower(in.Visibility)); err != nil {
		return nil, err
	}
	if err := q.api.Auth.Can(ctx, caller, target, auth.MakeRepository(on, repo.Private)); err != nil {
		return nil, err
	}
	if err := q.api.Repositories.Create(ctx, repo, nil); err != nil {
		return nil, err
	}
	return &changed{in.ClientMutationID, q.api.repository(ctx, repo, actions.Admin)}, nil
}

// set sets a value to one that is given.
func set[T any](to *T, value *T) {
	if value != nil {
		*to = *value
	}
}

// UpdateRepository changes what is given of a repository.
func (q *root) UpdateRepository(ctx context.Context, args struct {
	Input struct {
		ClientMutationID, Description                *string
		HasDiscussionsEnabled, HasIssuesEnabled      *bool
		HasProjectsEnabled, HasWikiEnabled, Template *bool
		HomepageURL                                  *word
		Name                                         *string
		RepositoryID                                 gql.ID
	}
},
) (*changed, error) {
	in := args.Input
	return q.change(ctx, in.RepositoryID, in.ClientMutationID, repository.Change{
		Name: in.Name, Description: in.Description, Homepage: (*string)(in.HomepageURL),
		Options: func(o *actions.RepositoryOptions) error {
			set(&o.HasDiscussions, in.HasDiscussionsEnabled)
			set(&o.HasIssues, in.HasIssuesEnabled)
			set(&o.HasProjects, in.HasProjectsEnabled)
			set(&o.HasWiki, in.HasWikiEnabled)
			set(&o.IsTemplate, in.Template)
			return nil
		},
	})
}

// An ofRepository is the input of mutations that only name a repository.
type ofRepository struct {
	Input struct {
		ClientMutationID *string
		RepositoryID     gql.ID
	}
}

// ArchiveRepository makes a repository one that nobody changes.
func (q *root) ArchiveRepository(ctx context.Context, args ofRepository) (*changed, error) {
	archived := true
	return q.change(ctx, args.Input.RepositoryID, args.Input.ClientMutationID, repository.Change{Archived: &archived})
}

// UnarchiveRepository ends that.
func (q *root) UnarchiveRepository(ctx context.Context, args ofRepository) (*changed, error) {
	archived := false
	return q.change(ctx, args.Input.RepositoryID, args.Input.ClientMutationID, repository.Change{Archived: &archived})
}

// change changes a repository, for who administers it.
func (q *root) change(ctx context.Context, id gql.ID, mutation *string, c repository.Change) (*changed, error) {
	if err := begin(ctx); err != nil {
		return nil, err
	}
	was, err := q.repositoryOf(ctx, id, auth.Administer)
	if err != nil {
		return nil, err
	}
	repo, err := q.api.Repositories.Update(ctx, was.is.ID, c)
	if err != nil {
		return nil, err
	}
	return &changed{mutation, q.api.repository(ctx, repo, actions.Admin)}, nil
}

// ownerOf is the account with the id, for a new repository.
func (q *root) ownerOf(ctx context.Context, id gql.ID) (*actions.Account, error) {
	kind, number, ok := shape.ParseNodeID(string(id))
	if !ok {
		return nil, noNode(id)
	}
	a, err := q.api.Store.Account(ctx, number)
	if actions.KindOf(err) == actions.NotFound || err == nil && string(a.Type) != kind {
		return nil, noNode(id)
	}
	return a, err
}

func noNode(id gql.ID) error {
	return actions.Errorf(actions.NotFound, "%w", &notResolved{fmt.Sprintf("Could not resolve to a node with the global id of '%.100s'.", id)})
}
