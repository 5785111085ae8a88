package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

const pullColumns = `id, repo_id, number, title, body, state, draft, base_ref, base_sha, head_repo_id, head_ref, head_sha, mergeable, merge_sha, merging, merged_at, closed_at, created_at, updated_at`

var pullList = db.List[*actions.Pull]{
	Table: `pulls p`, ID: `p.id`, Joins: `join accounts a on a.id = p.author_id join accounts h on h.id = p.head_owner_id join accounts m on m.id = p.merged_by_id`,
	Columns: prefixed("p", pullColumns) + `, ` + prefixed("a", accountColumns) + `, ` + prefixed("h", accountColumns) + `, ` + prefixed("m", accountColumns), Scan: scanPull,
}.Order(`p.id`)

var pullSelect = `select ` + pullList.Columns + ` from ` + pullList.Table + ` ` + pullList.Joins

func scanPull(row db.Row) (*actions.Pull, error) {
	p := new(actions.Pull)
	fields := []any{
		&p.ID, &p.RepoID, &p.Number, &p.Title, &p.Body, &p.State, db.Bool(&p.Draft), &p.BaseRef, &p.BaseSHA, &p.HeadRepoID, &p.HeadRef, &p.HeadSHA,
		&p.Mergeable, &p.MergeSHA, &p.Merging, db.Time(&p.MergedAt), db.Time(&p.ClosedAt), db.Time(&p.CreatedAt), db.Time(&p.UpdatedAt),
	}
	fields = append(fields, accountFields(&p.Author)...)
	fields = append(fields, accountFields(&p.HeadOwner)...)
	err := row.Scan(append(fields, accountFields(&p.MergedBy)...)...)
	if !p.Merged() {
		p.MergedBy = actions.Account{}
	}
	return p, err
}

// CreatePull adds a pull request, and sets its id and its number, the next of its
// repository.
func (tx *Tx) CreatePull(ctx context.Context, p *actions.Pull) error {
	n, err := db.One(ctx, tx.ex, db.Value[int64], `update repositories set numbers = numbers + 1 where id = $1 returning numbers`, p.RepoID)
	if err != nil {
		return fmt.Errorf("repository %d: %w", p.RepoID, err)
	}
	tx.Publish(RepoTopic(p.RepoID))
	p.Number = n
	p.ID, err = db.One(ctx, tx.ex, db.Value[int64], `insert into pulls (repo_id, number, title, body, state, draft, author_id, base_ref, base_sha,
			head_repo_id, head_owner_id, head_ref, head_sha, merged_by_id, created_at, updated_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $7, $14, $15) returning id`,
		p.RepoID, p.Number, p.Title, p.Body, p.State, db.Flag(p.Draft), p.Author.ID, p.BaseRef, p.BaseSHA,
		p.HeadRepoID, p.HeadOwner.ID, p.HeadRef, p.HeadSHA, db.Micros(p.CreatedAt), db.Micros(p.UpdatedAt))
	if err != nil {
		return fmt.Errorf("pull request of repository %d: %w", p.RepoID, err)
	}
	return nil
}

// UpdatePull saves what may change of a pull request. checked says whether what it says of
// the merge is how its branches stand now.
func (tx *Tx) UpdatePull(ctx context.Context, p *actions.Pull, checked bool) error {
	tx.Publish(RepoTopic(p.RepoID))
	by := p.MergedBy.ID
	if !p.Merged() {
		by = p.Author.ID
	}
	err := db.ExecOne(ctx, tx.ex, `update pulls set title = $2, body = $3, state = $4, draft = $5, base_ref = $6, base_sha = $7, head_sha = $8, mergeable = $9,
		checked = $10, merge_sha = $11, merging = $12, merged_at = $13, merged_by_id = $14, closed_at = $15, updated_at = $16 where id = $1`,
		p.ID, p.Title, p.Body, p.State, db.Flag(p.Draft), p.BaseRef, p.BaseSHA, p.HeadSHA, p.Mergeable,
		db.Flag(checked), p.MergeSHA, p.Merging, db.Micros(p.MergedAt), by, db.Micros(p.ClosedAt), db.Micros(p.UpdatedAt))
	if err != nil {
		return fmt.Errorf("pull request %d: %w", p.ID, err)
	}
	return nil
}

// Pull returns the pull request with the given id.
func (q queries) Pull(ctx context.Context, id int64) (*actions.Pull, error) {
	p, err := db.One(ctx, q.ex, scanPull, pullSelect+` where p.id = $1`, id)
	if err != nil {
		return nil, fmt.Errorf("pull request %d: %w", id, err)
	}
	return p, nil
}

// PullByNumber returns the pull request of a repository that has a number.
func (q queries) PullByNumber(ctx context.Context, repoID, number int64) (*actions.Pull, error) {
	p, err := db.One(ctx, q.ex, scanPull, pullSelect+` where p.repo_id = $1 and p.number = $2`, repoID, number)
	if err != nil {
		return nil, fmt.Errorf("pull request %d of repository %d: %w", number, repoID, err)
	}
	return p, nil
}

// A PullFilter narrows and orders a list of pull requests. Zero fields do not.
type PullFilter struct {
	RepoID    int64
	State     actions.PullState
	States    []string // of GraphQL, in lower case: open, closed without a merge, merged; any of them
	Author    int64
	Reviewer  int64 // who is asked for a review
	Draft     *bool
	HeadOwner int64
	HeadRef   string
	BaseRef   string
	ByUpdate  bool // in the order of the last change, not in that in which they were made
	Oldest    bool // first
}

// inStates narrows a list by the states of GraphQL.
func (f PullFilter) inStates(l db.List[*actions.Pull]) db.List[*actions.Pull] {
	has := func(state string) bool { return len(f.States) == 0 || slices.Contains(f.States, state) }
	switch open, closed, merged := has("open"), has("closed"), has("merged"); {
	case open && closed && merged:
		return l
	case open && closed:
		return l.Where(`p.merged_at = 0`)
	case open && merged:
		return l.Where(`(p.state = 'open' or p.merged_at <> 0)`)
	case open:
		return l.Where(`p.state = 'open'`)
	case closed && merged:
		return l.Where(`p.state = 'closed'`)
	case closed:
		return l.Where(`p.state = 'closed' and p.merged_at = 0`)
	}
	return l.Where(`p.state = 'closed' and p.merged_at <> 0`)
}

// Pulls lists a page of pull requests, newest first unless the filter says otherwise, and
// how many there are.
func (q queries) Pulls(ctx context.Context, f PullFilter, p Page) ([]*actions.Pull, int, error) {
	order := `p.created_at`
	if f.ByUpdate {
		order = `p.updated_at`
	}
	if f.Oldest {
		order += `, p.id`
	} else {
		order += ` desc, p.id desc`
	}
	l := f.inStates(pullList.Where(`p.repo_id = ?`, f.RepoID)).Narrow(`p.author_id = ?`, f.Author)
	if f.Reviewer != 0 {
		l = l.Where(`exists (select 1 from pull_reviewers v where v.pull_id = p.id and v.account_id = ?)`, f.Reviewer)
	}
	if f.Draft != nil {
		l = l.Where(`p.draft = ?`, db.Flag(*f.Draft))
	}
	list, total, err := l.Narrow(`p.state = ?`, f.State).Narrow(`p.head_owner_id = ?`, f.HeadOwner).
		Narrow(`p.head_ref = ?`, f.HeadRef).Narrow(`p.base_ref = ?`, f.BaseRef).Order(order).Page(ctx, q.ex, p)
	if err != nil {
		return nil, 0, fmt.Errorf("pull requests of repository %d: %w", f.RepoID, err)
	}
	return list, total, nil
}

// OpenPullsFrom lists the open pull requests whose head is a branch of a repository, up to
// most of them.
func (q queries) OpenPullsFrom(ctx context.Context, repoID int64, branch string, most int) ([]*actions.Pull, error) {
	return pullList.Where(`p.head_repo_id = ? and p.head_ref = ? and p.state = 'open'`, repoID, branch).First(ctx, q.ex, most)
}

// OpenPullsInto lists the open pull requests whose base is a branch of a repository, with
// ids greater than after.
func (q queries) OpenPullsInto(ctx context.Context, repoID int64, branch string, after int64, most int) ([]*actions.Pull, error) {
	return pullList.Where(`p.repo_id = ? and p.base_ref = ? and p.state = 'open' and p.id > ?`, repoID, branch, after).First(ctx, q.ex, most)
}

// PullsOfCommit lists a page of the pull requests of a repository that have a commit as
// their head, newest first.
func (q queries) PullsOfCommit(ctx context.Context, repoID int64, sha string, p Page) ([]*actions.Pull, int, error) {
	return pullList.Where(`p.repo_id = ? and p.head_sha = ?`, repoID, sha).Order(`p.id desc`).Page(ctx, q.ex, p)
}

// PullsOfBranches lists the open pull requests whose heads are branches of the repository
// itself.
func (q queries) PullsOfBranches(ctx context.Context, repoID int64, branches []string) ([]*actions.Pull, error) {
	var all []*actions.Pull
	for args, marks := range db.Batches(branches, repoID) {
		found, err := db.All(ctx, q.ex, scanPull, pullSelect+` where p.repo_id = $1 and p.head_repo_id = $1 and p.state = 'open' and p.head_ref in (`+marks+`) order by p.id`, args...)
		if err != nil {
			return nil, fmt.Errorf("pull requests of repository %d: %w", repoID, err)
		}
		all = append(all, found...)
	}
	return all, nil
}

// UncheckPulls notes that the open pull requests of a base have to be merged anew.
func (tx *Tx) UncheckPulls(ctx context.Context, repoID int64, branch string) error {
	return tx.exec(ctx, RepoTopic(repoID), `update pulls set checked = 0, mergeable = '' where repo_id = $1 and base_ref = $2 and state = 'open'`, repoID, branch)
}

// UncheckedPulls lists open pull requests of which it is not known whether git can merge
// them, with ids greater than after.
func (q queries) UncheckedPulls(ctx context.Context, after int64, most int) ([]*actions.Pull, error) {
	return pullList.Where(`p.state = 'open' and p.checked = 0 and p.id > ?`, after).First(ctx, q.ex, most)
}

// CheckedPull saves what came of merging a pull request, unless a branch of it has moved
// meanwhile; it says whether it did.
func (q queries) CheckedPull(ctx context.Context, p *actions.Pull) (bool, error) {
	n, err := db.Exec(ctx, q.ex, `update pulls set mergeable = $2, merge_sha = $3, base_sha = $4, checked = 1
		where id = $1 and state = 'open' and head_sha = $5 and base_ref = $6`, p.ID, p.Mergeable, p.MergeSHA, p.BaseSHA, p.HeadSHA, p.BaseRef)
	if err != nil {
		return false, fmt.Errorf("pull request %d: %w", p.ID, err)
	}
	if n > 0 {
		q.ex.Publish(RepoTopic(p.RepoID))
	}
	return n > 0, nil
}

// Associations says what accounts have to do with a repository, in GitHub's words: OWNER,
// MEMBER of the organization, COLLABORATOR, CONTRIBUTOR whose pull request was merged, or
// NONE.
func (q queries) Associations(ctx context.Context, repo *actions.Repository, accounts []int64) (map[int64]string, error) {
	found := map[int64]string{}
	for _, id := range accounts {
		found[id] = "NONE"
	}
	for args, marks := range db.Batches(accounts, repo.ID, repo.Owner.ID) {
		for _, of := range []struct{ word, text string }{ // the last one that finds an account counts
			{"CONTRIBUTOR", `select distinct author_id from pulls where repo_id = $1 and $2 <> 0 and merged_at <> 0 and author_id in (` + marks + `)`},
			{"COLLABORATOR", `select account_id from collaborators where repo_id = $1 and $2 <> 0 and account_id in (` + marks + `)`},
			{"MEMBER", `select account_id from members where $1 <> 0 and org_id = $2 and account_id in (` + marks + `)`},
		} {
			ids, err := db.All(ctx, q.ex, db.Value[int64], of.text, args...)
			if err != nil {
				return nil, fmt.Errorf("accounts of repository %d: %w", repo.ID, err)
			}
			for _, id := range ids {
				found[id] = of.word
			}
		}
	}
	if _, asked := found[repo.Owner.ID]; asked {
		found[repo.Owner.ID] = "OWNER"
	}
	return found, nil
}

// RepositoriesOf returns the repositories with ids, those that are there.
func (q queries) RepositoriesOf(ctx context.Context, ids []int64) (map[int64]*actions.Repository, error) {
	found := map[int64]*actions.Repository{}
	for args, marks := range db.Batches(ids) {
		list, err := db.All(ctx, q.ex, scanRepository, repositorySelect+` where r.id in (`+marks+`)`, args...)
		if err != nil {
			return nil, fmt.Errorf("repositories: %w", err)
		}
		for _, r := range list {
			found[r.ID] = r
		}
	}
	return found, nil
}
