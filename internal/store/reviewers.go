package store

import (
	"context"
	"fmt"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

// Reviewers lists who is asked for reviews of pull requests, by the id of each.
func (q queries) Reviewers(ctx context.Context, pullIDs []int64) (map[int64][]*actions.Account, error) {
	type asked struct {
		pull int64
		*actions.Account
	}
	scan := func(row db.Row) (asked, error) {
		a := asked{Account: new(actions.Account)}
		return a, row.Scan(append([]any{&a.pull}, accountFields(a.Account)...)...)
	}
	found := map[int64][]*actions.Account{}
	for args, marks := range db.Batches(pullIDs) {
		list, err := db.All(ctx, q.ex, scan, `select r.pull_id, `+prefixed("a", accountColumns)+` from pull_reviewers r join accounts a on a.id = r.account_id
			where r.pull_id in (`+marks+`) order by r.pull_id, a.id`, args...)
		if err != nil {
			return nil, fmt.Errorf("reviewers of pull requests: %w", err)
		}
		for _, a := range list {
			found[a.pull] = append(found[a.pull], a.Account)
		}
	}
	return found, nil
}

// AskReviewer asks an account for a review, and says whether it was not asked before.
func (tx *Tx) AskReviewer(ctx context.Context, p *actions.Pull, accountID int64) (bool, error) {
	tx.Publish(RepoTopic(p.RepoID))
	n, err := db.Exec(ctx, tx.ex, `insert into pull_reviewers (pull_id, account_id) values ($1, $2) on conflict do nothing`, p.ID, accountID)
	return n > 0, err
}

// DropReviewer takes that back, and says whether there was anything to take back.
func (tx *Tx) DropReviewer(ctx context.Context, p *actions.Pull, accountID int64) (bool, error) {
	tx.Publish(RepoTopic(p.RepoID))
	n, err := db.Exec(ctx, tx.ex, `delete from pull_reviewers where pull_id = $1 and account_id = $2`, p.ID, accountID)
	return n > 0, err
}

var accountList = db.List[*actions.Account]{Table: `accounts a`, ID: `a.id`, Columns: prefixed("a", accountColumns), Scan: scanAccount}.Order(`a.login_key`)

// Assignable lists a page of the people who may be asked for reviews in a repository, and
// whose login begins with a text in lower case: its owner, its collaborators, and the
// members of its organization, of a private repository only the owners of that.
func (q queries) Assignable(ctx context.Context, repo *actions.Repository, text string, p Page) ([]*actions.Account, int, error) {
	least := 0
	if repo.Private && !repo.Internal {
		least = 1
	}
	l := accountList.Where(`a.type = 'User' and a.suspended = 0 and (a.id = ? or a.id in (select account_id from collaborators where repo_id = ?
		union select account_id from members where org_id = ? and owner >= ?))`, repo.Owner.ID, repo.ID, repo.Owner.ID, least)
	if text != "" {
		l = l.Where(`substr(a.login_key, 1, ?) = ?`, len(text), text)
	}
	list, total, err := l.Page(ctx, q.ex, p)
	if err != nil {
		return nil, 0, fmt.Errorf("people of repository %d: %w", repo.ID, err)
	}
	return list, total, nil
}
