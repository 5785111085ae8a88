package graphql

import (
	"context"

	gql "github.com/graph-gophers/graphql-go"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
)

// A releaseNode is a release that the viewer may see.
type releaseNode struct {
	ID           gql.ID
	DatabaseID   *int32
	Name         *string
	TagName      string
	Description  *string
	IsDraft      bool
	IsLatest     bool
	IsPrerelease bool
	Immutable    bool
	URL          word
	CreatedAt    word
	UpdatedAt    word
	PublishedAt  *word
	Author       *account
}

// A releaseList is a part of the releases of a repository.
type releaseList struct {
	TotalCount int32
	Nodes      *[]*releaseNode
	PageInfo   pageInfo
}

// seeReleases says whether the viewer may see those of the repository, and drafts among them.
func (r *repositoryNode) seeReleases(ctx context.Context) (some, drafts bool, err error) {
	caller, on := callOf(ctx).caller, auth.Target{Repo: r.is}
	some, err = r.api.Auth.May(ctx, caller, on, auth.Need{On: auth.Repo, Role: actions.Read, Permission: "contents"})
	if err == nil && some {
		drafts, err = r.api.Auth.May(ctx, caller, on, auth.SeeDrafts)
	}
	return some, drafts, err
}

func (r *repositoryNode) release(ctx context.Context, is *actions.Release, latest int64) *releaseNode {
	return &releaseNode{
		ID: nodeID("Release", is.ID), DatabaseID: number(is.ID), Name: shape.Null(is.Name), TagName: is.TagName, Description: shape.Null(is.Body),
		IsDraft: is.Draft, IsLatest: is.ID == latest, IsPrerelease: is.Prerelease, URL: word(shape.ReleaseHTML(callOf(ctx).base, r.is, is)),
		CreatedAt: instant(is.CreatedAt), UpdatedAt: instant(is.UpdatedAt), PublishedAt: moment(is.PublishedAt), Author: r.api.account(ctx, &is.Author),
	}
}

// latest is the latest release, nil where there is none.
func (r *repositoryNode) latest(ctx context.Context) (*actions.Release, int64, error) {
	is, err := r.api.Store.LatestRelease(ctx, r.is.ID)
	if actions.KindOf(err) == actions.NotFound {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	return is, is.ID, nil
}

// LatestRelease is the latest release of the repository.
func (r *repositoryNode) LatestRelease(ctx context.Context) (*releaseNode, error) {
	some, _, err := r.seeReleases(ctx)
	if err != nil || !some {
		return nil, err
	}
	is, id, err := r.latest(ctx)
	if err != nil || is == nil {
		return nil, err
	}
	return r.release(ctx, is, id), nil
}

// Release is the release of a tag, or else the newest draft that names it.
func (r *repositoryNode) Release(ctx context.Context, args struct{ TagName string }) (*releaseNode, error) {
	some, drafts, err := r.seeReleases(ctx)
	if err != nil || !some {
		return nil, err
	}
	is, err := r.api.Store.ReleaseByTag(ctx, r.is.ID, args.TagName)
	if actions.KindOf(err) == actions.NotFound && drafts {
		is, err = r.api.Store.DraftByTag(ctx, r.is.ID, args.TagName)
	}
	if actions.KindOf(err) == actions.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	_, latest, err := r.latest(ctx)
	if err != nil {
		return nil, err
	}
	return r.release(ctx, is, latest), nil
}

// Releases are those of the repository, that of the newest commit first, in whichever order
// they are asked for: gh asks for no other.
func (r *repositoryNode) Releases(ctx context.Context, args struct {
	First   *int32
	After   *string
	OrderBy *struct{ Field, Direction string }
},
) (*releaseList, error) {
	p, err := partOf("releases", args.First, args.After)
	if err != nil {
		return nil, err
	}
	if o := args.OrderBy; o != nil && (o.Field != "CREATED_AT" || o.Direction != "DESC") {
		return nil, actions.Errorf(actions.Invalid, "This server orders the `releases` connection by CREATED_AT, DESC only.")
	}
	out := &releaseList{Nodes: &[]*releaseNode{}}
	some, drafts, err := r.seeReleases(ctx)
	if err != nil || !some {
		return out, err
	}
	_, latest, err := r.latest(ctx)
	if err != nil {
		return nil, err
	}
	list, total, info, err := read(ctx, p, func(page store.Page) ([]*actions.Release, int, error) {
		return r.api.Store.Releases(ctx, r.is.ID, drafts, page)
	})
	if err != nil {
		return nil, err
	}
	out.TotalCount, out.PageInfo = size(total), info
	for _, is := range list {
		*out.Nodes = append(*out.Nodes, r.release(ctx, is, latest))
	}
	return out, nil
}
