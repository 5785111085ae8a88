package graphql

import (
	"context"
	"strings"
	"sync"

	gql "github.com/graph-gophers/graphql-go"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/pull"
	"github.com/understudy-ci/understudy/internal/shape"
)

// A pullNode is a pull request that the viewer may see.
type pullNode struct {
	ID                gql.ID
	DatabaseID        *int32
	Number            int32
	Title, Body       string
	State             string
	Closed, Merged    bool
	IsDraft           bool
	IsCrossRepository bool
	URL               word
	CreatedAt         word
	UpdatedAt         word
	ClosedAt          *word
	MergedAt          *word
	Author            *actor
	MergedBy          *actor
	ViewerDidAuthor   bool
	BaseRefName       string
	BaseRefOid        word
	HeadRefName       string
	HeadRefOid        word
	MergeCommit       *commitNode
	Repository        *repositoryNode

	HeadRepositoryOwner *owner

	// What is not kept here, and so is none.
	MaintainerCanModify bool
	AutoMergeRequest    *autoMergeRequest
	Milestone           *milestone

	api   *API
	is    *actions.Pull
	repo  *actions.Repository
	whole func(context.Context) (*shape.Pull, error)
}

// An actor is an account as the interface Actor.
type actor struct{ *account }

// ToOrganization is the actor if it is an organization.
func (a actor) ToOrganization() (*account, bool) {
	return a.account, a.is.Type == actions.Organization
}

// ToUser is the actor if it is a person.
func (a actor) ToUser() (*account, bool) { return a.account, a.is.Type != actions.Organization }

func (r *repositoryNode) pull(ctx context.Context, p *actions.Pull) *pullNode {
	v := &pullNode{
		ID: nodeID("PullRequest", p.ID), DatabaseID: number(p.ID), Number: int32(p.Number), Title: p.Title, Body: p.Body, State: strings.ToUpper(string(p.State)),
		Closed: p.State == actions.PullClosed, Merged: p.Merged(), IsDraft: p.Draft, IsCrossRepository: p.FromFork(),
		URL: word(shape.PullHTML(callOf(ctx).base, r.is, p.Number)), CreatedAt: instant(p.CreatedAt), UpdatedAt: instant(p.UpdatedAt),
		ClosedAt: moment(p.ClosedAt), MergedAt: moment(p.MergedAt),
		Author: &actor{r.api.account(ctx, &p.Author)}, ViewerDidAuthor: callOf(ctx).caller.Account.ID == p.Author.ID,
		BaseRefName: p.BaseRef, BaseRefOid: word(p.BaseSHA), HeadRefName: p.HeadRef, HeadRefOid: word(p.HeadSHA), Repository: r,
		HeadRepositoryOwner: &owner{r.api.account(ctx, &p.HeadOwner)},
		api:                 r.api, is: p, repo: r.is,
	}
	if v.Merged {
		v.State, v.MergedBy, v.MergeCommit = "MERGED", &actor{r.api.account(ctx, &p.MergedBy)}, v.commit(p.MergeSHA)
	}
	var once sync.Once
	var whole *shape.Pull
	var err error
	v.whole = func(ctx context.Context) (*shape.Pull, error) {
		once.Do(func() {
			if err = r.api.Pulls.Check(ctx, p); err == nil {
				whole, err = r.api.Pulls.Whole(ctx, r.is, p)
			}
		})
		return whole, err
	}
	return v
}

// costOfMerge is what a try to merge, and a look at all changes, costs of [maxFields].
const costOfMerge = 100

// all is the pull request with what costs more to find out, which is done once.
func (p *pullNode) all(ctx context.Context) (*shape.Pull, error) {
	if err := spend(ctx, costOfMerge); err != nil {
		return nil, err
	}
	return p.whole(ctx)
}

// HeadRepository is the repository of the head, if it is there and the viewer may see it.
func (p *pullNode) HeadRepository(ctx context.Context) (*repositoryNode, error) {
	switch p.is.HeadRepoID {
	case p.repo.ID:
		return p.Repository, nil
	case 0:
		return nil, nil
	}
	repo, err := p.api.Store.Repository(ctx, p.is.HeadRepoID)
	var permission actions.Permission
	if err == nil {
		permission, err = p.api.Auth.Permission(ctx, callOf(ctx).caller, repo)
	}
	if actions.KindOf(err) == actions.NotFound || err == nil && permission == actions.NoAccess {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return p.api.repository(ctx, repo, permission), nil
}

// Mergeable says whether git can merge it.
func (p *pullNode) Mergeable(ctx context.Context) (string, error) {
	v, err := p.all(ctx)
	if err != nil {
		return "", err
	}
	switch {
	case v.State != actions.PullOpen, v.Mergeable == actions.MergeUnknown:
		return "UNKNOWN", nil
	case v.Mergeable == actions.MergeConflicts:
		return "CONFLICTING", nil
	}
	return "MERGEABLE", nil
}

// MergeStateStatus says what keeps it from being merged.
func (p *pullNode) MergeStateStatus(ctx context.Context) (string, error) {
	v, err := p.all(ctx)
	if err != nil {
		return "", err
	}
	return strings.ToUpper(v.MergeState), nil
}

// PotentialMergeCommit is the merge that was tried.
func (p *pullNode) PotentialMergeCommit(ctx context.Context) (*commitNode, error) {
	v, err := p.all(ctx)
	if err != nil || v.State != actions.PullOpen || v.MergeSHA == "" {
		return nil, err
	}
	return p.commit(v.MergeSHA), nil
}

// Additions are the lines that it adds.
func (p *pullNode) Additions(ctx context.Context) (int32, error) {
	v, err := p.all(ctx)
	if err != nil {
		return 0, err
	}
	return size(v.Additions), nil
}

// Deletions are the lines that it removes.
func (p *pullNode) Deletions(ctx context.Context) (int32, error) {
	v, err := p.all(ctx)
	if err != nil {
		return 0, err
	}
	return size(v.Deletions), nil
}

// ChangedFiles is how many files it changes.
func (p *pullNode) ChangedFiles(ctx context.Context) (int32, error) {
	v, err := p.all(ctx)
	if err != nil {
		return 0, err
	}
	return size(v.Files), nil
}

// BaseRef is the branch that is to get the head.
func (p *pullNode) BaseRef() *ref {
	r := newRef(p.is.RepoID, actions.BranchPrefix+p.is.BaseRef)
	r.of = p
	return r
}

// ViewerMergeHeadlineText is the first line of the commit that a merge makes.
func (p *pullNode) ViewerMergeHeadlineText(ctx context.Context, args mergeType) (string, error) {
	title, _, err := p.mergeText(ctx, args)
	return title, err
}

// ViewerMergeBodyText is the rest of it.
func (p *pullNode) ViewerMergeBodyText(ctx context.Context, args mergeType) (string, error) {
	_, body, err := p.mergeText(ctx, args)
	return body, err
}

type mergeType struct{ MergeType string }

func (p *pullNode) mergeText(ctx context.Context, args mergeType) (title, body string, err error) {
	return p.api.Pulls.MergeText(ctx, p.repo, p.is, pull.Method(strings.ToLower(args.MergeType)))
}

// reads says whether the viewer may read what need is for.
func (p *pullNode) reads(ctx context.Context, need auth.Need) error {
	return p.api.Auth.Can(ctx, callOf(ctx).caller, auth.Target{Repo: p.repo}, need)
}
