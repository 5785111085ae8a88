package store

import (
	"context"
	"fmt"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

// A Viewer is who lists repositories, as far as their token reaches. The zero Viewer
// sees what is public.
type Viewer struct {
	AccountID int64
	Private   bool  // also what is not public
	All       bool  // all of that, and not only what the account may read
	RepoID    int64 // of what is not public only this repository; 0 for any
}

// A RepositoryFilter says which repositories to list. What is zero is not asked.
type RepositoryFilter struct {
	OwnerID    int64
	ParentID   int64     // what they are forks of
	Forks      bool      // of anything
	Visibility string    // public, private, internal; what is internal is private, too
	Of         Relations // of a person to the repositories; the zero value for any
	Archived   *bool     // nil for any
	Topic      string
	From, To   time.Time // of the last change
	Sort       string    // created, updated, pushed, full_name
	Descending bool
}

// Relations are those of an account to repositories, of which one is enough.
type Relations struct {
	AccountID                   int64
	Owner, Collaborator, Member bool // Member of the organization that owns them
}

var (
	filteredRepositories = db.List[*actions.Repository]{
		Table: `repositories r join accounts o on o.id = r.owner_id`, ID: `r.id`, Columns: repositoryList.Columns, Scan: scanRepository,
	}
	repositoryOrders = map[string][2]string{
		"created":   {`r.created_at, r.id`, `r.created_at desc, r.id desc`},
		"updated":   {`r.updated_at, r.id`, `r.updated_at desc, r.id desc`},
		"pushed":    {`r.pushed_at, r.id`, `r.pushed_at desc, r.id desc`},
		"full_name": {`o.login_key, r.name_key, r.id`, `o.login_key desc, r.name_key desc, r.id desc`},
	}
)

// visibleTo keeps what a viewer sees: what is public, and, as far as the token reaches,
// the account's own, its organizations', that on which it collaborates, and what is
// internal.
func visibleTo(l db.List[*actions.Repository], v Viewer) db.List[*actions.Repository] {
	return l.Where(`(r.private = 0 or ? = 1 and (? = 0 or r.id = ?) and (? = 1 or r.internal = 1 and ? <> 0 or r.owner_id = ?
		or exists (select 1 from members m where m.org_id = r.owner_id and m.account_id = ? and m.owner = 1)
		or exists (select 1 from collaborators c where c.repo_id = r.id and c.account_id = ?)))`,
		db.Flag(v.Private), v.RepoID, v.RepoID, db.Flag(v.All), v.AccountID, v.AccountID, v.AccountID, v.AccountID)
}

// VisibleRepositories lists a page of what a viewer may read, newest push first, and how
// many there are.
func (q queries) VisibleRepositories(ctx context.Context, v Viewer, p Page) ([]*actions.Repository, int, error) {
	list, total, err := visibleTo(repositoryList, v).Page(ctx, q.ex, p)
	if err != nil {
		return nil, 0, fmt.Errorf("repositories that account %d sees: %w", v.AccountID, err)
	}
	return list, total, nil
}

// Repositories lists a page of the repositories that fit a filter and that a viewer may
// read, and says how many there are.
func (q queries) Repositories(ctx context.Context, v Viewer, f RepositoryFilter, p Page) ([]*actions.Repository, int, error) {
	l := visibleTo(filteredRepositories, v).Narrow(`r.owner_id = ?`, f.OwnerID).
		Narrow(`r.updated_at >= ?`, db.Micros(f.From)).Narrow(`r.updated_at < ?`, db.Micros(f.To))
	if f.ParentID != 0 {
		l = l.Where(`r.parent_id = ? and r.parent_id <> 0`, f.ParentID)
	}
	if f.Forks {
		l = l.Where(`r.network_id <> 0`)
	}
	switch f.Visibility {
	case "public":
		l = l.Where(`r.private = ?`, 0)
	case "private":
		l = l.Where(`r.private = ?`, 1)
	case "internal":
		l = l.Where(`r.internal = ?`, 1)
	}
	if f.Archived != nil {
		l = l.Where(`r.archived = ?`, db.Flag(*f.Archived))
	}
	if f.Topic != "" {
		topics, err := actions.CheckTopics([]string{f.Topic})
		if err != nil {
			return []*actions.Repository{}, 0, nil // nothing can have it
		}
		l = l.Where(`r.topics like ?`, `%"`+topics[0]+`"%`) // a topic has no sign that means something there
	}
	if of := f.Of; of != (Relations{}) {
		l = l.Where(`(? = 1 and r.owner_id = ?
			or ? = 1 and exists (select 1 from collaborators c where c.repo_id = r.id and c.account_id = ?)
			or ? = 1 and exists (select 1 from members m where m.org_id = r.owner_id and m.account_id = ?))`,
			db.Flag(of.Owner), of.AccountID, db.Flag(of.Collaborator), of.AccountID, db.Flag(of.Member), of.AccountID)
	}
	order, ok := repositoryOrders[f.Sort]
	if !ok {
		return nil, 0, fmt.Errorf("repositories have no order by %q", f.Sort)
	}
	l = l.Order(order[0])
	if f.Descending {
		l = l.Order(order[1])
	}
	list, total, err := l.Page(ctx, q.ex, p)
	if err != nil {
		return nil, 0, fmt.Errorf("repositories: %w", err)
	}
	return list, total, nil
}

// OpenRuns are up to limit runs of a repository that are not completed.
func (q queries) OpenRuns(ctx context.Context, repoID int64, limit int) ([]int64, error) {
	return db.All(ctx, q.ex, db.Value[int64], `select id from runs where repo_id = $1 and status <> 'completed' order by id limit $2`, repoID, limit)
}

// DeletedRepositories are those whose files may still be there.
func (q queries) DeletedRepositories(ctx context.Context) ([]int64, error) {
	return db.All(ctx, q.ex, db.Value[int64], `select id from deleted_repositories order by id limit 1000`)
}

// FilesDeleted notes that the files of a repository are gone.
func (s *Store) FilesDeleted(ctx context.Context, id int64) error {
	return s.Update(ctx, func(tx *Tx) error {
		_, err := db.Exec(ctx, tx.ex, `delete from deleted_repositories where id = $1`, id)
		return err
	})
}
