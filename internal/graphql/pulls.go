package graphql

import (
	"context"
	"fmt"
	"strings"

	gql "github.com/graph-gophers/graphql-go"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
)

// A pullList is a part of a list of pull requests.
type pullList struct {
	TotalCount int32
	Nodes      *[]*pullNode
	Edges      *[]*pullEdge
	PageInfo   pageInfo
}

type pullEdge struct {
	Cursor string
	Node   *pullNode
}

type pageInfo struct {
	HasNextPage, HasPreviousPage bool
	StartCursor, EndCursor       *string
}

// pulls lists those that fit f.
func (r *repositoryNode) pulls(ctx context.Context, f store.PullFilter, p part) (*pullList, error) {
	f.RepoID = r.is.ID
	list, total, info, err := read(ctx, p, func(page store.Page) ([]*actions.Pull, int, error) { return r.api.Store.Pulls(ctx, f, page) })
	if err != nil {
		return nil, err
	}
	out := &pullList{TotalCount: size(total), Nodes: &[]*pullNode{}, Edges: &[]*pullEdge{}, PageInfo: info}
	for i, is := range list {
		node := r.pull(ctx, is)
		*out.Nodes = append(*out.Nodes, node)
		*out.Edges = append(*out.Edges, &pullEdge{cursor(p.offset + i + 1), node})
	}
	return out, nil
}

// PullRequests are those of the repository.
func (r *repositoryNode) PullRequests(ctx context.Context, args struct {
	States, Labels                          *[]string
	HeadRefName, BaseRefName, After, Before *string
	OrderBy                                 *struct{ Field, Direction string }
	First, Last                             *int32
},
) (*pullList, error) {
	f := store.PullFilter{}
	if args.States != nil {
		for _, state := range *args.States {
			f.States = append(f.States, strings.ToLower(state))
		}
	}
	set(&f.HeadRef, args.HeadRefName)
	set(&f.BaseRef, args.BaseRefName)
	if f.Oldest = args.OrderBy == nil || args.OrderBy.Direction == "ASC"; args.OrderBy != nil {
		f.ByUpdate = args.OrderBy.Field == "UPDATED_AT"
	}
	first := args.First
	if first == nil && args.Last != nil { // the last ones are the first in the other direction
		if first, f.Oldest = args.Last, !f.Oldest; args.Before != nil {
			return nil, actions.Errorf(actions.Invalid, "This server reads the `pullRequests` connection by `first` and `after`, or by `last` alone.")
		}
	}
	p, err := partOf("pullRequests", first, args.After)
	if err != nil {
		return nil, err
	}
	if args.Labels != nil && len(*args.Labels) > 0 {
		return &pullList{Nodes: &[]*pullNode{}, Edges: &[]*pullEdge{}}, nil // none has a label
	}
	return r.pulls(ctx, f, p)
}

// PullRequest is the pull request of the repository with a number.
func (r *repositoryNode) PullRequest(ctx context.Context, args struct{ Number int32 }) (*pullNode, error) {
	is, err := r.api.Store.PullByNumber(ctx, r.is.ID, int64(args.Number))
	if actions.KindOf(err) == actions.NotFound {
		text := fmt.Sprintf("Could not resolve to a PullRequest with the number of %d.", args.Number)
		return nil, actions.Errorf(actions.NotFound, "%w", &notResolved{text})
	}
	if err != nil {
		return nil, err
	}
	return r.pull(ctx, is), nil
}

// A node is an object as the interface Node.
type node struct{ pull *pullNode }

// ID is the node's own.
func (n *node) ID() gql.ID { return n.pull.ID }

// ToPullRequest is the node as a pull request.
func (n *node) ToPullRequest() (*pullNode, bool) { return n.pull, true }

// ToRepository says that the node is no repository.
func (*node) ToRepository() (*repositoryNode, bool) { return nil, false }

// ToUser says that the node is no person.
func (*node) ToUser() (*account, bool) { return nil, false }

// ToOrganization says that the node is no organization.
func (*node) ToOrganization() (*account, bool) { return nil, false }

// Node is the pull request with an id; there are no other nodes that gh asks for so.
func (q *root) Node(ctx context.Context, args struct{ ID gql.ID }) (*node, error) {
	pull, err := q.pullOf(ctx, args.ID)
	if err != nil {
		return nil, err
	}
	return &node{pull}, nil
}

// pullOf is the pull request with an id, if the viewer may see it.
func (q *root) pullOf(ctx context.Context, id gql.ID) (*pullNode, error) {
	kind, number, ok := shape.ParseNodeID(string(id))
	if !ok || kind != "PullRequest" {
		return nil, noNode(id)
	}
	is, err := q.api.Store.Pull(ctx, number)
	var repo *actions.Repository
	if err == nil {
		repo, err = q.api.Store.Repository(ctx, is.RepoID)
	}
	if err == nil {
		err = q.api.Auth.Can(ctx, callOf(ctx).caller, auth.Target{Repo: repo}, auth.ReadPulls)
	}
	if actions.KindOf(err) == actions.NotFound {
		return nil, noNode(id)
	}
	if err != nil {
		return nil, err
	}
	node, err := q.api.shown(ctx, repo)
	if err != nil {
		return nil, err
	}
	return node.pull(ctx, is), nil
}
