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
func (q *root) Repository(ctx context.Context, args struct {
	Owner, Name   string
	FollowRenames bool
},
) (*repositoryNode, error) {
	repo, err := q.api.Auth.Repository(ctx, args.Owner, args.Name)
	permission := actions.NoAccess
	if err == nil {
		permission, err = q.api.Auth.Permission(ctx, callOf(ctx).caller, repo)
	}
	away := err == nil && !args.FollowRenames && auth.Renamed(repo, args.Name)
	if actions.KindOf(err) == actions.NotFound || err == nil && permission == actions.NoAccess || away {
		text := fmt.Sprintf("Could not resolve to a Repository with the name '%.100s/%.100s'.", args.Owner, args.Name)
		return nil, actions.Errorf(actions.NotFound, "%w", &notResolved{text})
	}
	if err != nil {
		return nil, err
	}
	return q.api.repository(ctx, repo, permission), nil
}

// A repositoryNode is a repository that the viewer may see.
type repositoryNode struct {
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
	Parent              *repositoryNode

	MergeCommitAllowed  bool
	RebaseMergeAllowed  bool
	SquashMergeAllowed  bool
	DeleteBranchOnMerge bool

	HomepageURL      *word
	MirrorURL        *word
	ResourcePath     word
	IsInOrganization bool
	IsMirror         bool
	IsTemplate       bool

	// What is not kept here, and so is none.
	TemplateRepository *repositoryNode
	ForkCount          int32
	StargazerCount     int32
	ViewerHasStarred   bool

	topics []string
	api    *API
	is     *actions.Repository
}

// A topicList is a part of a repository's topics.
type topicList struct {
	TotalCount int32
	Nodes      *[]*topicOf
}

type topicOf struct{ Topic topic }

type topic struct{ Name string }

// RepositoryTopics are the repository's topics.
func (r *repositoryNode) RepositoryTopics(args struct {
	First *int32
	After *string
},
) (*topicList, error) {
	p, err := partOf("repositoryTopics", args.First, args.After)
	if err != nil {
		return nil, err
	}
	nodes := []*topicOf{}
	for _, name := range r.topics[min(p.offset, len(r.topics)):min(p.offset+p.size, len(r.topics))] {
		nodes = append(nodes, &topicOf{topic{name}})
	}
	return &topicList{int32(len(r.topics)), &nodes}, nil
}

// Watchers are those who watch the repository.
func (*repositoryNode) Watchers() userList { return userList{Nodes: &[]*account{}} }

// Issues are those of the repository.
func (*repositoryNode) Issues(struct{ States *[]string }) issueList {
	return issueList{Nodes: &[]*issue{}}
}

// A ref is a branch or a tag.
type ref struct {
	ID           gql.ID
	Name, Prefix string

	of *pullNode // whose base it is; nil for none
}

// newRef is the ref of a repository that has a full name.
func newRef(repoID int64, full string) *ref {
	name := actions.ShortRef(full)
	return &ref{ID: gql.ID(shape.NodeID("Ref", repoID) + full), Name: name, Prefix: strings.TrimSuffix(full, name)}
}

// Ref is the branch or tag of the repository that has a name, null where there is none.
func (r *repositoryNode) Ref(ctx context.Context, args struct{ QualifiedName string }) (*ref, error) {
	may, err := r.api.Auth.May(ctx, callOf(ctx).caller, auth.Target{Repo: r.is}, auth.Need{On: auth.Repo, Role: actions.Read, Permission: "contents"})
	if err != nil || !may {
		return nil, err
	}
	names := []string{args.QualifiedName}
	if !actions.IsFullRef(args.QualifiedName) {
		names = []string{actions.BranchPrefix + args.QualifiedName, actions.TagPrefix + args.QualifiedName}
	}
	for _, name := range names {
		switch _, err := r.api.Git.View(r.is.ID).Ref(name); actions.KindOf(err) {
		case "":
			return newRef(r.is.ID, name), nil
		case actions.NotFound, actions.Invalid:
		default:
			return nil, err
		}
	}
	return nil, nil
}

func (a *API) repository(ctx context.Context, r *actions.Repository, p actions.Permission) *repositoryNode {
	base, role := callOf(ctx).base, viewerPermission(p)
	out := &repositoryNode{
		ID: nodeID("Repository", r.ID), DatabaseID: number(r.ID), Name: r.Name, NameWithOwner: r.FullName(),
		Owner: owner{a.account(ctx, &r.Owner)}, Description: shape.Null(r.Description),
		URL: word(base.HTML + "/" + r.FullName()), SSHURL: word(shape.NewRepository(base, r).SSHURL),
		IsPrivate: r.Private, IsArchived: r.Archived, Visibility: strings.ToUpper(r.Visibility()), IsEmpty: r.PushedAt.IsZero(),
		CreatedAt: instant(r.CreatedAt), UpdatedAt: instant(r.UpdatedAt), PushedAt: moment(r.PushedAt),
		ViewerPermission: &role, ViewerCanAdminister: p >= actions.Admin,
		DefaultBranchRef: newRef(r.ID, actions.BranchPrefix+r.DefaultBranch),
		HasIssuesEnabled: r.Options.HasIssues, HasWikiEnabled: r.Options.HasWiki, HasProjectsEnabled: r.Options.HasProjects, HasDiscussionsEnabled: r.Options.HasDiscussions,
		MergeCommitAllowed: r.Options.AllowMergeCommit, RebaseMergeAllowed: r.Options.AllowRebaseMerge, SquashMergeAllowed: r.Options.AllowSquashMerge,
		DeleteBranchOnMerge: r.Options.DeleteBranchOnMerge,
		ResourcePath:        word("/" + r.FullName()), IsInOrganization: r.Owner.Type == actions.Organization, IsTemplate: r.Options.IsTemplate,
		topics: r.Topics, api: a, is: r,
	}
	if r.Homepage != "" {
		page := word(r.Homepage)
		out.HomepageURL = &page
	}
	return out
}

// shown is a repository that the viewer is known to see.
func (a *API) shown(ctx context.Context, r *actions.Repository) (*repositoryNode, error) {
	permission, err := a.Auth.Permission(ctx, callOf(ctx).caller, r)
	if err != nil {
		return nil, err
	}
	return a.repository(ctx, r, permission), nil
}

func instant(t time.Time) word { return word(shape.Time(t)) }

// moment is a time that may not have come; null where it has not.
func moment(t time.Time) *word {
	if t.IsZero() {
		return nil
	}
	at := instant(t)
	return &at
}

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
