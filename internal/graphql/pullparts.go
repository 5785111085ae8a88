package graphql

import (
	"context"
	"strings"

	gql "github.com/graph-gophers/graphql-go"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/store"
)

// readsCode is what it takes to read the commits of a repository.
var readsCode = auth.Need{On: auth.Repo, Role: actions.Read, Permission: "contents"}

// A listing is which part of a list a query asks for.
type listing struct {
	First, Last *int32
	After       *string
}

// A commitList is a part of the commits of a pull request.
type commitList struct {
	TotalCount int32
	Nodes      *[]*commitOf
	PageInfo   pageInfo
}

type commitOf struct{ Commit *commitNode }

// maxCommits is how many commits of a pull request are listed, as by REST.
const maxCommits = 250

// Commits are those that the head has and the base has not, oldest first.
func (p *pullNode) Commits(ctx context.Context, args listing) (*commitList, error) {
	if args.Last != nil && *args.Last == 1 && args.First == nil { // the head alone costs nothing
		return &commitList{TotalCount: 1, Nodes: &[]*commitOf{{p.commit(p.is.HeadSHA)}}}, nil
	}
	if err := p.reads(ctx, readsCode); err != nil {
		return nil, err
	}
	if args.First == nil && args.Last == nil { // only their number
		v, err := p.all(ctx)
		if err != nil {
			return nil, err
		}
		return &commitList{TotalCount: size(v.Commits)}, nil
	}
	first := args.First
	if first == nil {
		first = args.Last
	}
	part, err := partOf("commits", first, args.After)
	if err != nil {
		return nil, err
	}
	all, _, err := p.api.Git.View(p.repo.ID).CommitsBetween(ctx, p.is.BaseSHA, p.is.HeadSHA, maxCommits)
	if err != nil {
		return nil, err
	}
	if args.First == nil {
		part.offset = max(0, len(all)-part.size)
	}
	list, total, info, err := read(ctx, part, func(page store.Page) ([]*gitrepo.Commit, int, error) {
		return actions.Slice(page, all), len(all), nil
	})
	if err != nil {
		return nil, err
	}
	nodes := make([]*commitOf, 0, len(list))
	for _, c := range list {
		nodes = append(nodes, &commitOf{&commitNode{Oid: word(c.SHA), pull: p, read: &c.Commit}})
	}
	return &commitList{size(total), &nodes, info}, nil
}

// A fileList is a part of the files that a pull request changes.
type fileList struct {
	TotalCount int32
	Nodes      *[]*changedFile
	PageInfo   pageInfo
}

type changedFile struct {
	Path, ChangeType     string
	Additions, Deletions int32
}

// changeTypes are GraphQL's names of REST's.
var changeTypes = map[string]string{"removed": "DELETED"}

// Files are those that the pull request changes.
func (p *pullNode) Files(ctx context.Context, args listing) (*fileList, error) {
	part, err := partOf("files", args.First, args.After)
	if err == nil {
		err = p.reads(ctx, readsCode)
	}
	if err != nil {
		return nil, err
	}
	view := p.api.Git.View(p.repo.ID)
	from, err := view.MergeBase(ctx, p.is.BaseSHA, p.is.HeadSHA)
	if err != nil {
		return nil, err
	}
	out := &fileList{Nodes: &[]*changedFile{}}
	if from == "" {
		return out, nil
	}
	list, total, info, err := read(ctx, part, func(page store.Page) ([]gitrepo.FileChange, int, error) {
		changes, err := view.ChangesBetween(ctx, from, p.is.HeadSHA, page)
		if err != nil {
			return nil, 0, err
		}
		return changes.Files, changes.Total, nil
	})
	if err != nil {
		return nil, err
	}
	for _, c := range list {
		kind := strings.ToUpper(c.Status)
		if name, ok := changeTypes[c.Status]; ok {
			kind = name
		}
		*out.Nodes = append(*out.Nodes, &changedFile{c.Path, kind, size(c.Additions), size(c.Deletions)})
	}
	out.TotalCount, out.PageInfo = size(total), info
	return out, nil
}

// A reviewList is a part of the reviews of a pull request.
type reviewList struct {
	TotalCount int32
	Nodes      *[]*review
	PageInfo   pageInfo
}

type review struct {
	ID                gql.ID
	Author            *actor
	AuthorAssociation string
	Body, State       string
	SubmittedAt       *word
	Commit            *commitNode
	ReactionGroups    *[]reactionGroup
}

// Reviews are those that have been submitted, and the viewer's own.
func (p *pullNode) Reviews(ctx context.Context, args listing) (*reviewList, error) {
	part, err := partOf("reviews", args.First, args.After)
	if err != nil {
		return nil, err
	}
	viewer := callOf(ctx).caller.Account.ID
	list, total, info, err := read(ctx, part, func(page store.Page) ([]*actions.Review, int, error) {
		return p.api.Store.Reviews(ctx, p.is.ID, viewer, page)
	})
	if err != nil {
		return nil, err
	}
	nodes := make([]*review, 0, len(list))
	for _, v := range list {
		association, err := p.api.Pulls.Association(ctx, p.repo, &v.Author)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, &review{
			ID: nodeID("PullRequestReview", v.ID), Author: &actor{p.api.account(ctx, &v.Author)}, AuthorAssociation: association,
			Body: v.Body, State: string(v.State), Commit: p.commit(v.CommitSHA), SubmittedAt: moment(v.SubmittedAt),
		})
	}
	return &reviewList{size(total), &nodes, info}, nil
}

// LatestReviews are the last one of each reviewer.
func (p *pullNode) LatestReviews(ctx context.Context, args listing) (*reviewList, error) {
	most := int32(maxFirst)
	all, err := p.Reviews(ctx, listing{First: &most})
	if err != nil {
		return nil, err
	}
	at, nodes := map[gql.ID]int{}, []*review{}
	for _, v := range *all.Nodes {
		if i, ok := at[v.Author.ID]; ok {
			nodes[i] = v
			continue
		}
		at[v.Author.ID] = len(nodes)
		nodes = append(nodes, v)
	}
	return &reviewList{TotalCount: size(len(nodes)), Nodes: &nodes}, nil
}

// A reviewRequestList is who is asked for a review.
type reviewRequestList struct {
	TotalCount int32
	Nodes      *[]*reviewRequest
}

type reviewRequest struct{ RequestedReviewer *reviewer }

// A reviewer is who is asked: here always a person.
type reviewer struct{ *account }

// ToUser is the reviewer as a person.
func (r reviewer) ToUser() (*account, bool) { return r.account, true }

// ToBot says that the reviewer is no bot.
func (reviewer) ToBot() (*account, bool) { return nil, false }

// ToTeam says that the reviewer is no team.
func (reviewer) ToTeam() (*team, bool) { return nil, false }

// A team is a part of an organization; there are none here.
type team struct {
	Name, Slug   string
	Organization *account
}

// ReviewRequests are who is asked for a review.
func (p *pullNode) ReviewRequests(ctx context.Context, _ listing) (*reviewRequestList, error) {
	asked, err := p.api.Store.Reviewers(ctx, []int64{p.is.ID})
	if err != nil {
		return nil, err
	}
	list := asked[p.is.ID]
	if err := spend(ctx, max(len(list), leastCost)); err != nil {
		return nil, err
	}
	nodes := make([]*reviewRequest, 0, len(list))
	for _, a := range list {
		nodes = append(nodes, &reviewRequest{&reviewer{p.api.account(ctx, a)}})
	}
	return &reviewRequestList{size(len(nodes)), &nodes}, nil
}
