package graphql

import (
	"context"
	"strings"

	gql "github.com/graph-gophers/graphql-go"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/pull"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
)

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

// reviewNodes are reviews of the pull request as nodes.
func (p *pullNode) reviewNodes(ctx context.Context, list []*actions.Review) ([]*review, error) {
	words, err := p.api.Pulls.AssociationsOf(ctx, p.repo, list)
	if err != nil {
		return nil, err
	}
	nodes := make([]*review, 0, len(list))
	for _, v := range list {
		nodes = append(nodes, &review{
			ID: nodeID("PullRequestReview", v.ID), Author: &actor{p.api.account(ctx, &v.Author)}, AuthorAssociation: words[v.Author.ID],
			Body: v.Body, State: string(v.State), Commit: p.commit(v.CommitSHA), SubmittedAt: moment(v.SubmittedAt),
		})
	}
	return nodes, nil
}

// reviews reads a list of reviews.
func (p *pullNode) reviews(ctx context.Context, in string, args listing, page func(store.Page) ([]*actions.Review, int, error)) (*reviewList, error) {
	part, err := partOf(in, args.First, args.After)
	if err != nil {
		return nil, err
	}
	list, total, info, err := read(ctx, part, page)
	if err != nil {
		return nil, err
	}
	nodes, err := p.reviewNodes(ctx, list)
	if err != nil {
		return nil, err
	}
	return &reviewList{size(total), &nodes, info}, nil
}

// Reviews are those that have been submitted, and the viewer's own.
func (p *pullNode) Reviews(ctx context.Context, args listing) (*reviewList, error) {
	viewer := callOf(ctx).caller.Account.ID
	return p.reviews(ctx, "reviews", args, func(page store.Page) ([]*actions.Review, int, error) {
		return p.api.Store.Reviews(ctx, p.is.ID, viewer, page)
	})
}

// LatestReviews are the last one of each reviewer.
func (p *pullNode) LatestReviews(ctx context.Context, args listing) (*reviewList, error) {
	return p.reviews(ctx, "latestReviews", args, func(page store.Page) ([]*actions.Review, int, error) {
		return p.api.Store.LatestReviews(ctx, p.is.ID, page)
	})
}

// ReviewDecision is what those who may push say of it; null where they say nothing.
func (p *pullNode) ReviewDecision(ctx context.Context) (*string, error) {
	if err := spend(ctx, leastCost); err != nil {
		return nil, err
	}
	said, err := p.api.Pulls.Opinions(ctx, p.repo, p.is)
	if err != nil {
		return nil, err
	}
	var is string
	switch {
	case said.ChangesRequested():
		is = "CHANGES_REQUESTED"
	case said.Approvals("") > 0:
		is = "APPROVED"
	default:
		return nil, nil
	}
	return &is, nil
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
	ID           gql.ID
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

// A reviewed is what the mutation of a review gives back.
type reviewed struct {
	ClientMutationID  *string
	PullRequestReview *review
}

// AddPullRequestReview makes a review, which is submitted if it says what it does.
func (q *root) AddPullRequestReview(ctx context.Context, args struct {
	Input struct {
		ClientMutationID *string
		PullRequestID    gql.ID
		CommitOid        *word
		Body, Event      *string
	}
},
) (*reviewed, error) {
	in := args.Input
	p, err := q.pullFor(ctx, in.PullRequestID, auth.WritePulls)
	if err != nil {
		return nil, err
	}
	var n pull.ReviewRequest
	set(&n.Body, in.Body)
	set((*string)(&n.Does), in.Event)
	set(&n.Commit, (*string)(in.CommitOid))
	v, err := q.api.Pulls.Review(ctx, q.actor(ctx), p.repo, p.is, n)
	if err != nil {
		return nil, err
	}
	nodes, err := p.reviewNodes(ctx, []*actions.Review{v})
	if err != nil {
		return nil, err
	}
	return &reviewed{in.ClientMutationID, nodes[0]}, nil
}

// RequestReviews says who is asked for a review: those who are named and nobody else, or
// them, too.
func (q *root) RequestReviews(ctx context.Context, args struct {
	Input struct {
		ClientMutationID *string
		PullRequestID    gql.ID
		UserIDs, TeamIDs *[]gql.ID
		Union            bool
	}
},
) (*pullChanged, error) {
	in := args.Input
	p, err := q.pullFor(ctx, in.PullRequestID, auth.WritePulls)
	if err != nil {
		return nil, err
	}
	var who []*actions.Account
	for _, list := range []*[]gql.ID{in.UserIDs, in.TeamIDs} {
		if list == nil {
			continue
		}
		if err := spend(ctx, len(*list)); err != nil {
			return nil, err
		}
		for _, id := range *list {
			kind, number, ok := shape.ParseNodeID(string(id))
			if !ok || kind != "User" {
				return nil, noNode(id) // there are no teams
			}
			a, err := q.api.Store.Account(ctx, number)
			if actions.KindOf(err) == actions.NotFound {
				return nil, noNode(id)
			}
			if err != nil {
				return nil, err
			}
			who = append(who, a)
		}
	}
	do := q.api.Pulls.SetReviewers
	if in.Union {
		do = q.api.Pulls.AskReviewers
	}
	if err := do(ctx, q.actor(ctx), p.repo, p.is, who); err != nil {
		return nil, err
	}
	return &pullChanged{in.ClientMutationID, p}, nil
}

// AssignableUsers are who may be asked for reviews.
func (r *repositoryNode) AssignableUsers(ctx context.Context, args struct {
	First, Last  *int32
	After, Query *string
},
) (*userList, error) {
	part, err := partOf("assignableUsers", args.First, args.After)
	if err == nil {
		err = r.api.Auth.Can(ctx, callOf(ctx).caller, auth.Target{Repo: r.is}, auth.WritePulls)
	}
	if err != nil {
		return nil, err
	}
	text := ""
	set(&text, args.Query)
	list, total, info, err := read(ctx, part, func(page store.Page) ([]*actions.Account, int, error) {
		return r.api.Store.Assignable(ctx, r.is, strings.ToLower(text), page)
	})
	if err != nil {
		return nil, err
	}
	nodes := make([]*account, 0, len(list))
	for _, a := range list {
		nodes = append(nodes, r.api.account(ctx, a))
	}
	return &userList{size(total), &nodes, info}, nil
}

// A teamList is a part of the teams of an organization.
type teamList struct {
	TotalCount int32
	Nodes      *[]*team
	PageInfo   pageInfo
}

// Teams are none.
func (*account) Teams(struct {
	First, Last *int32
	After       *string
	OrderBy     *struct{ Field, Direction string }
},
) teamList {
	return teamList{Nodes: &[]*team{}}
}
