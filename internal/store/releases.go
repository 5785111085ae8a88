package store

import (
	"context"
	"fmt"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

const releaseColumns = `id, repo_id, tag_name, target, name, body, draft, prerelease, marked, created_at, published_at, updated_at`

func scanRelease(row db.Row) (*actions.Release, error) {
	r := new(actions.Release)
	fields := []any{
		&r.ID, &r.RepoID, &r.TagName, &r.Target, &r.Name, &r.Body, db.Bool(&r.Draft), db.Bool(&r.Prerelease), db.Bool(&r.Marked),
		db.Time(&r.CreatedAt), db.Time(&r.PublishedAt), db.Time(&r.UpdatedAt),
	}
	return r, row.Scan(append(fields, accountFields(&r.Author)...)...)
}

var releaseList = db.List[*actions.Release]{
	Table: `releases r`, ID: `r.id`, Joins: `join accounts a on a.id = r.author_id`,
	Columns: prefixed("r", releaseColumns) + `, ` + prefixed("a", accountColumns), Scan: scanRelease,
}.Order(`r.created_at desc, r.id desc`)

var releaseSelect = `select ` + releaseList.Columns + ` from ` + releaseList.Table + ` ` + releaseList.Joins

// CreateRelease adds a release and sets its id.
func (tx *Tx) CreateRelease(ctx context.Context, r *actions.Release) (err error) {
	tx.Publish(RepoTopic(r.RepoID))
	r.ID, err = db.One(ctx, tx.ex, db.Value[int64], `insert into releases (repo_id, tag_name, target, name, body, draft, prerelease, author_id, created_at, published_at, updated_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) returning id`, r.RepoID, r.TagName, r.Target, r.Name, r.Body, db.Flag(r.Draft), db.Flag(r.Prerelease),
		r.Author.ID, db.Micros(r.CreatedAt), db.Micros(r.PublishedAt), db.Micros(r.UpdatedAt))
	if err != nil {
		return fmt.Errorf("release of repository %d: %w", r.RepoID, err)
	}
	return nil
}

// UpdateRelease saves what may change of a release, but not whether it is the latest one.
func (tx *Tx) UpdateRelease(ctx context.Context, r *actions.Release) error {
	tx.Publish(RepoTopic(r.RepoID))
	err := db.ExecOne(ctx, tx.ex, `update releases set tag_name = $2, target = $3, name = $4, body = $5, draft = $6, prerelease = $7,
		created_at = $8, published_at = $9, updated_at = $10 where id = $1`,
		r.ID, r.TagName, r.Target, r.Name, r.Body, db.Flag(r.Draft), db.Flag(r.Prerelease), db.Micros(r.CreatedAt), db.Micros(r.PublishedAt), db.Micros(r.UpdatedAt))
	if err != nil {
		return fmt.Errorf("release %d: %w", r.ID, err)
	}
	return nil
}

// MarkLatest says which release of a repository is the latest one, 0 for none.
func (tx *Tx) MarkLatest(ctx context.Context, repoID, id int64) error {
	tx.Publish(RepoTopic(repoID))
	_, err := db.Exec(ctx, tx.ex, `update releases set marked = case when id = $2 then 1 else 0 end where repo_id = $1 and (id = $2 or marked = 1)`, repoID, id)
	if err != nil {
		return fmt.Errorf("latest release of repository %d: %w", repoID, err)
	}
	return nil
}

// DeleteRelease removes a release with the rows of its assets, and returns the objects of
// these.
func (tx *Tx) DeleteRelease(ctx context.Context, r *actions.Release) (objects []int64, err error) {
	tx.Publish(RepoTopic(r.RepoID))
	objects, err = db.All(ctx, tx.ex, db.Value[int64], `delete from release_assets where release_id = $1 returning object_id`, r.ID)
	if err == nil {
		err = db.ExecOne(ctx, tx.ex, `delete from releases where id = $1`, r.ID)
	}
	if err != nil {
		return nil, fmt.Errorf("release %d: %w", r.ID, err)
	}
	return objects, nil
}

// ReleaseAudited writes down what somebody did to a release, or to an asset of one.
func (tx *Tx) ReleaseAudited(ctx context.Context, repo *actions.Repository, what actions.AuditAction, r *actions.Release, asset string) error {
	e := actions.AuditEntry{Action: what}.InRepo(repo).With("tag_name", r.TagName)
	if asset != "" {
		e = e.With("asset", asset)
	}
	return tx.Audit(ctx, e)
}

// Release returns a release of a repository, with its assets.
func (q queries) Release(ctx context.Context, repoID, id int64) (*actions.Release, error) {
	return q.release(ctx, fmt.Sprintf("release %d", id), ` where r.repo_id = $1 and r.id = $2`, repoID, id)
}

// ReleaseByTag returns the published release of a repository that has a tag.
func (q queries) ReleaseByTag(ctx context.Context, repoID int64, tag string) (*actions.Release, error) {
	return q.release(ctx, "release of a tag", ` where r.repo_id = $1 and r.tag_name = $2 and r.draft = 0`, repoID, tag)
}

// DraftByTag returns the newest draft of a repository that names a tag.
func (q queries) DraftByTag(ctx context.Context, repoID int64, tag string) (*actions.Release, error) {
	return q.release(ctx, "draft of a tag", ` where r.repo_id = $1 and r.tag_name = $2 and r.draft = 1 order by r.id desc limit 1`, repoID, tag)
}

// LatestRelease returns the latest release of a repository: the one that somebody said is
// it, or else that of the newest commit.
func (q queries) LatestRelease(ctx context.Context, repoID int64) (*actions.Release, error) {
	return q.release(ctx, "latest release", ` where r.repo_id = $1 and r.draft = 0 and r.prerelease = 0 order by r.marked desc, r.created_at desc, r.id desc limit 1`, repoID)
}

func (q queries) release(ctx context.Context, what, where string, args ...any) (*actions.Release, error) {
	r, err := db.One(ctx, q.ex, scanRelease, releaseSelect+where, args...)
	if err == nil {
		err = q.readAssets(ctx, []*actions.Release{r})
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return r, nil
}

// Releases lists a page of the releases of a repository with their assets, that of the newest
// commit first, and how many there are.
func (q queries) Releases(ctx context.Context, repoID int64, drafts bool, p Page) ([]*actions.Release, int, error) {
	l := releaseList.Where(`r.repo_id = ?`, repoID)
	if !drafts {
		l = l.Where(`r.draft = 0`)
	}
	list, total, err := l.Page(ctx, q.ex, p)
	if err == nil {
		err = q.readAssets(ctx, list)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("releases of repository %d: %w", repoID, err)
	}
	return list, total, nil
}

// CountReleases is how many releases a repository has, drafts included.
func (q queries) CountReleases(ctx context.Context, repoID int64) (int, error) {
	return db.One(ctx, q.ex, db.Value[int], `select count(*) from releases where repo_id = $1`, repoID)
}

const assetColumns = `id, repo_id, release_id, name, label, content_type, object_id, size, digest, downloads, created_at, updated_at`

var assetList = db.List[*actions.ReleaseAsset]{
	Table: `release_assets s`, ID: `s.id`, Joins: `join accounts a on a.id = s.uploader_id`,
	Columns: prefixed("s", assetColumns) + `, ` + prefixed("a", accountColumns), Scan: scanAsset,
}.Order(`s.id`)

func scanAsset(row db.Row) (*actions.ReleaseAsset, error) {
	a := new(actions.ReleaseAsset)
	fields := []any{
		&a.ID, &a.RepoID, &a.ReleaseID, &a.Name, &a.Label, &a.ContentType, &a.ObjectID, &a.Size, &a.Digest, &a.Downloads, db.Time(&a.CreatedAt), db.Time(&a.UpdatedAt),
	}
	return a, row.Scan(append(fields, accountFields(&a.Uploader)...)...)
}

// readAssets gives releases their assets.
func (q queries) readAssets(ctx context.Context, list []*actions.Release) error {
	of := make(map[int64]*actions.Release, len(list))
	ids := make([]int64, 0, len(list))
	for _, r := range list {
		of[r.ID], ids = r, append(ids, r.ID)
	}
	for args, marks := range db.Batches(ids) {
		assets, err := db.All(ctx, q.ex, scanAsset, `select `+assetList.Columns+` from `+assetList.Table+` `+assetList.Joins+` where s.release_id in (`+marks+`) order by s.id`, args...)
		if err != nil {
			return err
		}
		for _, a := range assets {
			of[a.ReleaseID].Assets = append(of[a.ReleaseID].Assets, a)
		}
	}
	return nil
}

// ReleaseAssets lists a page of the assets of a release, and how many there are.
func (q queries) ReleaseAssets(ctx context.Context, releaseID int64, p Page) ([]*actions.ReleaseAsset, int, error) {
	return assetList.Where(`s.release_id = ?`, releaseID).Page(ctx, q.ex, p)
}

// ReleaseAsset returns an asset of a repository.
func (q queries) ReleaseAsset(ctx context.Context, repoID, id int64) (*actions.ReleaseAsset, error) {
	a, err := db.One(ctx, q.ex, scanAsset, `select `+assetList.Columns+` from `+assetList.Table+` `+assetList.Joins+` where s.repo_id = $1 and s.id = $2`, repoID, id)
	if err != nil {
		return nil, fmt.Errorf("release asset %d: %w", id, err)
	}
	return a, nil
}

// AssetBytes is how much the assets of a repository take.
func (q queries) AssetBytes(ctx context.Context, repoID int64) (int64, error) {
	return db.One(ctx, q.ex, db.Value[int64], `select coalesce(cast(sum(size) as bigint), 0) from release_assets where repo_id = $1`, repoID)
}

// CreateReleaseAsset adds an asset and sets its id.
func (tx *Tx) CreateReleaseAsset(ctx context.Context, a *actions.ReleaseAsset) (err error) {
	tx.Publish(RepoTopic(a.RepoID))
	a.ID, err = db.One(ctx, tx.ex, db.Value[int64], `insert into release_assets (repo_id, release_id, name, label, content_type, object_id, size, digest, uploader_id, created_at, updated_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10) returning id`,
		a.RepoID, a.ReleaseID, a.Name, a.Label, a.ContentType, a.ObjectID, a.Size, a.Digest, a.Uploader.ID, db.Micros(a.CreatedAt))
	if err != nil {
		return fmt.Errorf("asset of release %d: %w", a.ReleaseID, err)
	}
	return nil
}

// UpdateReleaseAsset saves what may change of an asset.
func (tx *Tx) UpdateReleaseAsset(ctx context.Context, a *actions.ReleaseAsset) error {
	tx.Publish(RepoTopic(a.RepoID))
	if err := db.ExecOne(ctx, tx.ex, `update release_assets set name = $2, label = $3, updated_at = $4 where id = $1`, a.ID, a.Name, a.Label, db.Micros(a.UpdatedAt)); err != nil {
		return fmt.Errorf("release asset %d: %w", a.ID, err)
	}
	return nil
}

// DeleteReleaseAsset removes the row of an asset.
func (tx *Tx) DeleteReleaseAsset(ctx context.Context, a *actions.ReleaseAsset) error {
	tx.Publish(RepoTopic(a.RepoID))
	if err := db.ExecOne(ctx, tx.ex, `delete from release_assets where id = $1`, a.ID); err != nil {
		return fmt.Errorf("release asset %d: %w", a.ID, err)
	}
	return nil
}

// AssetDownloaded counts a download.
func (tx *Tx) AssetDownloaded(ctx context.Context, a *actions.ReleaseAsset) error {
	tx.Publish(RepoTopic(a.RepoID))
	_, err := db.Exec(ctx, tx.ex, `update release_assets set downloads = downloads + 1 where id = $1`, a.ID)
	return err
}

// MergedPulls returns the pull requests of a repository that were merged by some of the
// commits, in the order in which they were.
func (q queries) MergedPulls(ctx context.Context, repoID int64, commits []string) ([]*actions.Pull, error) {
	var all []*actions.Pull
	for args, marks := range db.Batches(commits, repoID) {
		found, err := db.All(ctx, q.ex, scanPull, pullSelect+` where p.repo_id = $1 and p.merged_at <> 0 and p.merge_sha in (`+marks+`) order by p.merged_at, p.id`, args...)
		if err != nil {
			return nil, fmt.Errorf("pull requests of repository %d: %w", repoID, err)
		}
		all = append(all, found...)
	}
	return all, nil
}

// FirstMerged says whether a pull request is the first of its author that was merged.
func (q queries) FirstMerged(ctx context.Context, repoID int64, of *actions.Pull) (bool, error) {
	n, err := db.One(ctx, q.ex, db.Value[int], `select count(*) from pulls where repo_id = $1 and author_id = $2 and merged_at <> 0 and merged_at < $3`,
		repoID, of.Author.ID, db.Micros(of.MergedAt))
	return n == 0, err
}
