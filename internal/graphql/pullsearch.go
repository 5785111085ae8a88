package graphql

import (
	"context"
	"slices"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/store"
)

// findPulls adds the pull requests that a search of issues and pull requests finds in one
// repository; there are no issues.
func (q *root) findPulls(ctx context.Context, out *found, text string, p part) error {
	repo, f, ok, err := q.searchedPulls(ctx, text)
	if err != nil || !ok {
		return err
	}
	list, err := repo.pulls(ctx, f, p)
	if err != nil {
		return err
	}
	out.IssueCount, out.PageInfo = list.TotalCount, list.PageInfo
	for _, pull := range *list.Nodes {
		out.add(&item{pull: pull}, p.offset)
	}
	return nil
}

// searchedPulls reads a search; ok is false where nothing can fit.
func (q *root) searchedPulls(ctx context.Context, text string) (repo *repositoryNode, f store.PullFilter, ok bool, err error) {
	ok = true
	for word := range strings.FieldsSeq(text) {
		name, value, _ := strings.Cut(word, ":")
		value = strings.Trim(value, `"`)
		switch {
		case value == "" && strings.HasSuffix(word, ":"): // nothing is said
		case name == "repo":
			if repo, err = q.searchedRepository(ctx, value); err != nil {
				return nil, f, false, err
			}
			ok = ok && repo != nil
		case (name == "is" || name == "type") && value == "pr":
		case (name == "is" || name == "type") && value == "issue":
			ok = false
		case (name == "is" || name == "state") && slices.Contains([]string{"open", "merged", "closed"}, value):
			f.States = []string{value}
			if value == "closed" {
				f.States = append(f.States, "merged")
			}
		case name == "is" && value == "draft", name == "draft" && (value == "true" || value == "false"):
			draft := value != "false"
			f.Draft = &draft
		case name == "author":
			f.Author, err = q.searchedOwner(ctx, value)
			ok = ok && f.Author != 0
		case name == "review-requested":
			f.Reviewer, err = q.searchedOwner(ctx, value)
			ok = ok && f.Reviewer != 0
		case name == "base":
			f.BaseRef = value
		case name == "head":
			f.HeadRef = value
		case name == "assignee", name == "label", name == "milestone": // there are none
			ok = false
		case name == "sort" && (value == "created" || value == "created-desc"):
		case name == "sort" && value == "created-asc":
			f.Oldest = true
		case name == "sort" && (value == "updated" || value == "updated-desc"):
			f.ByUpdate = true
		default:
			return nil, f, false, actions.Errorf(actions.Invalid, "The search has %.100q, which this server does not know.", word)
		}
		if err != nil {
			return nil, f, false, err
		}
	}
	if repo == nil && ok {
		err = actions.Errorf(actions.Invalid, "The search names no repository by repo:OWNER/NAME, and this server finds pull requests of one only.")
	}
	return repo, f, ok, err
}

// searchedRepository is a repository whose pull requests the viewer may see, nil where
// there is none.
func (q *root) searchedRepository(ctx context.Context, full string) (*repositoryNode, error) {
	owner, name, _ := strings.Cut(full, "/")
	repo, err := q.api.Auth.Repository(ctx, owner, name)
	if actions.KindOf(err) == actions.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	caller := callOf(ctx).caller
	may, err := q.api.Auth.May(ctx, caller, auth.Target{Repo: repo}, auth.ReadPulls)
	if err != nil || !may {
		return nil, err
	}
	return q.api.shown(ctx, repo)
}
