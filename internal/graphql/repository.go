package graphql

import (
	"context"
	"fmt"
	"strings"
	"time"

	gql "github.com/graph-gophers/graphql-go"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/shape"
)

// Repository is the repository of that name if the viewer may see it.
func (q *query) Repository(ctx context.Context, args struct {
	Owner, Name   string
	FollowRenames bool
},
) (*repository, error) {
	repo, err := q.api.auth.Repository(ctx, args.Owner, args.Name)
	permission := actions.NoAccess
	if err == nil {
		permission, err = q.api.auth.Permission(ctx, callOf(ctx).caller, repo)
	}
	away := err == nil && !args.FollowRenames && auth.Renamed(repo, args.Name)
	if actions.KindOf(err) == actions.NotFound || err == nil && permission == actions.NoAccess || away {
		text := fmt.Sprintf("Could not resolve to a Repository with the name '%.100s/%.100s'.", args.Owner, args.Name)
		return nil, actions.Errorf(actions.NotFound, "%w", &notResolved{text})
	}
	if err != nil {
		return nil, err
	}
	return newRepository(ctx, repo, permission), nil
}

// A repository is one that the viewer may see.
type repository struct {
	ID            gql.ID
	DatabaseID    *int32
	Name          string
	NameWithOwner string
	Owner         owner
	Description   *string
	URL           word
	SSHURL        word
	IsPrivate     bool
	Visibility    string
	IsFork        bool
	IsArchived    bool
	IsEmpty       bool
	CreatedAt     word
	UpdatedAt     word
	PushedAt      *word

	HasIssuesEnabled      bool
	HasWikiEnabled        bool
	HasProjectsEnabled    bool
	HasDiscussionsEnabled bool

	ViewerPermission    *string
	ViewerCanAdminister bool
	DefaultBranchRef    *ref
	Parent              *repository

	MergeCommitAllowed  bool
	RebaseMergeAllowed  bool
	SquashMergeAllowed  bool
	DeleteBranchOnMerge bool
}

// A ref is a branch.
type ref struct{ Name, Prefix string }

func newRepository(ctx context.Context, r *actions.Repository, p actions.Permission) *repository {
	base, role := callOf(ctx).base, viewerPermission(p)
	out := &repository{
		ID: nodeID("Repository", r.ID), DatabaseID: number(r.ID), Name: r.Name, NameWithOwner: r.FullName(),
		Owner: owner{newAccount(ctx, &r.Owner)}, Description: shape.Null(r.Description),
		URL: word(base.HTML + "/" + r.FullName()), SSHURL: word(shape.NewRepository(base, r).SSHURL),
		IsPrivate: r.Private, IsArchived: r.Archived, Visibility: strings.ToUpper(r.Visibility()), IsEmpty: r.PushedAt.IsZero(),
		CreatedAt: instant(r.CreatedAt), UpdatedAt: instant(r.UpdatedAt),
		ViewerPermission: &role, ViewerCanAdminister: p >= actions.Admin,
		DefaultBranchRef: &ref{r.DefaultBranch, actions.BranchPrefix},
		HasIssuesEnabled: r.Options.HasIssues, HasWikiEnabled: r.Options.HasWiki, HasProjectsEnabled: r.Options.HasProjects, HasDiscussionsEnabled: r.Options.HasDiscussions,
		MergeCommitAllowed: r.Options.AllowMergeCommit, RebaseMergeAllowed: r.Options.AllowRebaseMerge, SquashMergeAllowed: r.Options.AllowSquashMerge,
		DeleteBranchOnMerge: r.Options.DeleteBranchOnMerge,
	}
	if !r.PushedAt.IsZero() {
		at := instant(r.PushedAt)
		out.PushedAt = &at
	}
	return out
}

func instant(t time.Time) word { return word(shape.Time(t)) }

func viewerPermission(p actions.Permission) string {
	switch p {
	case actions.Triage:
		return "TRIAGE"
	case actions.Write:
		return "WRITE"
	case actions.Maintain:
		return "MAINTAIN"
	case actions.Admin:
		return "ADMIN"
	case actions.NoAccess, actions.Read:
	}
	return "READ"
}
