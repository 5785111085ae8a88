package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

const reviewColumns = `id, pull_id, state, body, commit_sha, submitted_at, created_at`

var reviewList = db.List[*actions.Review]{
	Table: `pull_reviews r`, ID: `r.id`, Joins: `join accounts a on a.id = r.author_id`,
	Columns: prefixed("r", reviewColumns) + `, ` + prefixed("a", accountColumns), Scan: scanReview,
}.Order(`r.id`)

func scanReview(row db.Row) (*actions.Review, error) {
	v := new(actions.Review)
	fields := []any{&v.ID, &v.PullID, &v.State, &v.Body, &v.CommitSHA, db.Time(&v.SubmittedAt), db.Time(&v.CreatedAt)}
	return v, row.Scan(append(fields, accountFields(&v.Author)...)...)
}

// CreateReview adds a review, and sets its id.
func (tx *Tx) CreateReview(ctx context.Context, p *actions.Pull, v *actions.Review) (err error) {
	tx.Publish(RepoTopic(p.RepoID))
	v.ID, err = db.One(ctx, tx.ex, db.Value[int64], `insert into pull_reviews (pull_id, author_id, state, body, commit_sha, submitted_at, created_at)
		values ($1, $2, $3, $4, $5, $6, $7) returning id`, p.ID, v.Author.ID, v.State, v.Body, v.CommitSHA, db.Micros(v.SubmittedAt), db.Micros(v.CreatedAt))
	if err != nil {
		return fmt.Errorf("review of pull request %d: %w", p.ID, err)
	}
	return nil
}

// UpdateReview saves what may change of a review.
func (tx *Tx) UpdateReview(ctx context.Context, p *actions.Pull, v *actions.Review) error {
	return tx.exec(ctx, RepoTopic(p.RepoID), `update pull_reviews set state = $2, body = $3, submitted_at = $4 where id = $1`, v.ID, v.State, v.Body, db.Micros(v.SubmittedAt))
}

// DeleteReview removes a review.
func (tx *Tx) DeleteReview(ctx context.Context, p *actions.Pull, id int64) error {
	return tx.exec(ctx, RepoTopic(p.RepoID), `delete from pull_reviews where id = $1`, id)
}

// Review returns a review of a pull request.
func (q queries) Review(ctx context.Context, pullID, id int64) (*actions.Review, error) {
	v, err := db.One(ctx, q.ex, scanReview, `select `+reviewList.Columns+` from `+reviewList.Table+` `+reviewList.Joins+` where r.pull_id = $1 and r.id = $2`, pullID, id)
	if err != nil {
		return nil, fmt.Errorf("review %d: %w", id, err)
	}
	return v, nil
}

// Reviews lists a page of the reviews of a pull request that an account may see: those
// that are submitted, and its own.
func (q queries) Reviews(ctx context.Context, pullID, viewer int64, p Page) ([]*actions.Review, int, error) {
	return reviewList.Where(`r.pull_id = ? and (r.state <> 'PENDING' or r.author_id = ?)`, pullID, viewer).Page(ctx, q.ex, p)
}

// latest are the newest of each author among the reviews of a pull request that fit a
// condition.
func latest(condition string) string {
	return `r.id in (select w.id from (select v.id, row_number() over (partition by v.author_id order by v.submitted_at desc, v.id desc) as place
		from pull_reviews v where v.pull_id = ? and ` + condition + `) w where w.place = 1)`
}

// LatestReviews lists a page of the last review of each reviewer of a pull request.
func (q queries) LatestReviews(ctx context.Context, pullID int64, p Page) ([]*actions.Review, int, error) {
	return reviewList.Where(latest(`v.state <> 'PENDING'`), pullID).Page(ctx, q.ex, p)
}

// Opinions are what those say of a pull request who may push to its repository now, and the
// jobs that it lets approve.
func (q queries) Opinions(ctx context.Context, repo *actions.Repository, pullID int64) (actions.Opinions, error) {
	list, err := reviewList.Where(latest(`v.state in ('APPROVED', 'CHANGES_REQUESTED', 'DISMISSED')`), pullID).Where(`r.state <> 'DISMISSED'`).
		Where(`a.suspended = 0 and (a.site_admin = 1 or a.type = 'Bot' or a.id = ?
			or exists (select 1 from collaborators c where c.repo_id = ? and c.account_id = a.id and c.permission >= ?)
			or exists (select 1 from members m where m.org_id = ? and m.account_id = a.id and m.owner = 1))`,
			repo.Owner.ID, repo.ID, int(actions.Write), repo.Owner.ID).All(ctx, q.ex)
	if err != nil {
		return nil, fmt.Errorf("reviews of pull request %d: %w", pullID, err)
	}
	return list, nil
}

// PendingReview returns the review of a pull request that an account has not submitted yet.
func (q queries) PendingReview(ctx context.Context, pullID, authorID int64) (*actions.Review, error) {
	v, err := db.One(ctx, q.ex, scanReview, `select `+reviewList.Columns+` from `+reviewList.Table+` `+reviewList.Joins+`
		where r.pull_id = $1 and r.author_id = $2 and r.state = 'PENDING' order by r.id limit 1`, pullID, authorID)
	if err != nil {
		return nil, fmt.Errorf("review of pull request %d: %w", pullID, err)
	}
	return v, nil
}

// CountReviews is how many reviews a pull request has.
func (q queries) CountReviews(ctx context.Context, pullID int64) (int, error) {
	return db.One(ctx, q.ex, db.Value[int], `select count(*) from pull_reviews where pull_id = $1`, pullID)
}

// NewestReviews lists the last reviews of a pull request that an account may see, up to
// most of them, the oldest first.
func (q queries) NewestReviews(ctx context.Context, pullID, viewer int64, most int) ([]*actions.Review, error) {
	list, err := reviewList.Where(`r.pull_id = ? and (r.state <> 'PENDING' or r.author_id = ?)`, pullID, viewer).Order(`r.id desc`).First(ctx, q.ex, most)
	slices.Reverse(list)
	return list, err
}
