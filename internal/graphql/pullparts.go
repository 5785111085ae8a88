package graphql

import (
	"context"
	"strings"

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
