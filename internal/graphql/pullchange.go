package graphql

import (
	"context"
	"strings"

	gql "github.com/graph-gophers/graphql-go"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/limit"
	"github.com/understudy-ci/understudy/internal/pull"
	"github.com/understudy-ci/understudy/internal/shape"
)

// A pullChanged is what a mutation of a pull request gives back.
type pullChanged struct {
	ClientMutationID *string
	PullRequest      *pullNode
}

func (q *root) actor(ctx context.Context) pull.Actor {
	c := callOf(ctx)
	return q.api.Actor(c.caller, c.base)
}

// CreatePullRequest makes a pull request.
func (q *root) CreatePullRequest(ctx context.Context, args struct {
	Input struct {
		ClientMutationID           *string
		RepositoryID               gql.ID
		BaseRefName, HeadRefName   string
		HeadRepositoryID           *gql.ID
		Title                      string
		Body                       *string
		Draft, MaintainerCanModify *bool
	}
},
) (*pullChanged, error) {
	if err := begin(ctx); err != nil {
		return nil, err
	}
	in := args.Input
	repo, err := q.repositoryOf(ctx, in.RepositoryID, auth.WritePulls)
	if err != nil {
		return nil, err
	}
	n := pull.Request{Title: in.Title, Base: in.BaseRefName, Head: in.HeadRefName}
	set(&n.Body, in.Body)
	set(&n.Draft, in.Draft)
	if in.HeadRepositoryID != nil {
		from, err := q.repositoryOf(ctx, *in.HeadRepositoryID, auth.Metadata)
		if err != nil {
			return nil, err
		}
		_, branch := pull.ParseHead(in.HeadRefName)
		n.Head, n.HeadRepo = from.is.Owner.Login+":"+branch, from.is.Name
	}
	is, err := q.api.Pulls.Create(ctx, q.actor(ctx), repo.is, n)
	if err != nil {
		return nil, err
	}
	return &pullChanged{in.ClientMutationID, repo.pull(ctx, is)}, nil
}

// repositoryOf is the repository with an id, with which the viewer may do what need says.
func (q *root) repositoryOf(ctx context.Context, id gql.ID, need auth.Need) (*repositoryNode, error) {
	kind, number, ok := shape.ParseNodeID(string(id))
	if !ok || kind != "Repository" {
		return nil, noNode(id)
	}
	repo, err := q.api.Store.Repository(ctx, number)
	if err == nil {
		err = q.api.Auth.Can(ctx, callOf(ctx).caller, auth.Target{Repo: repo}, need)
	}
	if actions.KindOf(err) == actions.NotFound {
		return nil, noNode(id)
	}
	if err != nil {
		return nil, err
	}
	return q.api.shown(ctx, repo)
}

// changePull changes a pull request, for who has made it and who may push.
func (q *root) changePull(ctx context.Context, id gql.ID, mutation *string, c pull.Change) (*pullChanged, error) {
	p, err := q.pullFor(ctx, id, auth.WritePulls)
	if err != nil {
		return nil, err
	}
	is, err := q.api.Pulls.Update(ctx, q.actor(ctx), p.repo, p.is.Number, c)
	if err != nil {
		return nil, err
	}
	return &pullChanged{mutation, p.Repository.pull(ctx, is)}, nil
}

// pullFor is the pull request that a mutation changes.
func (q *root) pullFor(ctx context.Context, id gql.ID, need auth.Need) (*pullNode, error) {
	if err := begin(ctx); err != nil {
		return nil, err
	}
	p, err := q.pullOf(ctx, id)
	if err == nil {
		err = p.reads(ctx, need)
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

// UpdatePullRequest changes what is given of a pull request.
func (q *root) UpdatePullRequest(ctx context.Context, args struct {
	Input struct {
		ClientMutationID         *string
		PullRequestID            gql.ID
		BaseRefName, Title, Body *string
		State                    *string
	}
},
) (*pullChanged, error) {
	in := args.Input
	c := pull.Change{Title: in.Title, Body: in.Body, Base: in.BaseRefName}
	if in.State != nil {
		state := map[string]actions.PullState{"OPEN": actions.PullOpen, "CLOSED": actions.PullClosed}[*in.State]
		c.State = &state
	}
	return q.changePull(ctx, in.PullRequestID, in.ClientMutationID, c)
}

// An ofPullRequest is the input of mutations that only name a pull request.
type ofPullRequest struct {
	Input struct {
		ClientMutationID *string
		PullRequestID    gql.ID
	}
}

// ClosePullRequest closes it without a merge.
func (q *root) ClosePullRequest(ctx context.Context, args ofPullRequest) (*pullChanged, error) {
	state := actions.PullClosed
	return q.changePull(ctx, args.Input.PullRequestID, args.Input.ClientMutationID, pull.Change{State: &state})
}

// ReopenPullRequest opens it again.
func (q *root) ReopenPullRequest(ctx context.Context, args ofPullRequest) (*pullChanged, error) {
	state := actions.PullOpen
	return q.changePull(ctx, args.Input.PullRequestID, args.Input.ClientMutationID, pull.Change{State: &state})
}

// MarkPullRequestReadyForReview makes a draft one that may be merged.
func (q *root) MarkPullRequestReadyForReview(ctx context.Context, args ofPullRequest) (*pullChanged, error) {
	draft := false
	return q.changePull(ctx, args.Input.PullRequestID, args.Input.ClientMutationID, pull.Change{Draft: &draft})
}

// ConvertPullRequestToDraft makes it one that is not to be merged yet.
func (q *root) ConvertPullRequestToDraft(ctx context.Context, args ofPullRequest) (*pullChanged, error) {
	draft := true
	return q.changePull(ctx, args.Input.PullRequestID, args.Input.ClientMutationID, pull.Change{Draft: &draft})
}

// MergePullRequest merges it.
func (q *root) MergePullRequest(ctx context.Context, args struct {
	Input struct {
		ClientMutationID           *string
		PullRequestID              gql.ID
		MergeMethod                string
		CommitHeadline, CommitBody *string
		ExpectedHeadOid            *word
		AuthorEmail                *string
	}
},
) (*pullChanged, error) {
	in := args.Input
	p, err := q.pullFor(ctx, in.PullRequestID, auth.PushCode)
	if err != nil {
		return nil, err
	}
	if in.AuthorEmail != nil {
		return nil, actions.Errorf(actions.Invalid, "This server makes merges in the name of who merges: authorEmail cannot be chosen.")
	}
	m := pull.MergeRequest{Method: pull.Method(strings.ToLower(in.MergeMethod)), Title: in.CommitHeadline, Message: in.CommitBody}
	set(&m.SHA, (*string)(in.ExpectedHeadOid))
	leave, err := limit.Of(ctx).Enter(ctx, limit.Push)
	if err != nil {
		return nil, err
	}
	defer leave()
	if _, err := q.api.Pulls.Merge(ctx, q.actor(ctx), p.repo, p.is.Number, m); err != nil {
		return nil, err
	}
	is, err := q.api.Store.Pull(ctx, p.is.ID)
	if err != nil {
		return nil, err
	}
	return &pullChanged{in.ClientMutationID, p.Repository.pull(ctx, is)}, nil
}

// UpdatePullRequestBranch brings what is new in its base into its head.
func (q *root) UpdatePullRequestBranch(ctx context.Context, args struct {
	Input struct {
		ClientMutationID *string
		PullRequestID    gql.ID
		ExpectedHeadOid  *word
		UpdateMethod     string
	}
},
) (*pullChanged, error) {
	in := args.Input
	p, err := q.pullFor(ctx, in.PullRequestID, auth.WritePulls)
	if err != nil {
		return nil, err
	}
	leave, err := limit.Of(ctx).Enter(ctx, limit.Push)
	if err != nil {
		return nil, err
	}
	defer leave()
	head := ""
	set(&head, (*string)(in.ExpectedHeadOid))
	if err := q.api.Pulls.UpdateBranch(ctx, q.actor(ctx), p.is, head, in.UpdateMethod == "REBASE"); err != nil {
		return nil, err
	}
	is, err := q.api.Store.Pull(ctx, p.is.ID)
	if err != nil {
		return nil, err
	}
	return &pullChanged{in.ClientMutationID, p.Repository.pull(ctx, is)}, nil
}
