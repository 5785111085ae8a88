package store

import (
	"context"
	"fmt"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

// leaveNetwork is what becomes of the forks of a repository that goes, and of what they
// have asked others for.
func (tx *Tx) leaveNetwork(ctx context.Context, gone *actions.Repository) error {
	children, err := db.All(ctx, tx.ex, db.Value[int64], `update repositories set parent_id = $2 where parent_id = $1 returning id`, gone.ID, gone.ParentID)
	if err != nil {
		return fmt.Errorf("forks of repository %d: %w", gone.ID, err)
	}
	for _, id := range children {
		tx.Publish(RepoTopic(id), RecordTopic(id))
	}
	if err := tx.countForks(ctx, gone.ParentID, len(children)-1); err != nil {
		return err
	}
	asked, err := db.All(ctx, tx.ex, db.Value[int64], `select distinct repo_id from pulls where head_repo_id = $1 and state = 'open'`, gone.ID)
	for _, id := range asked {
		tx.Publish(RepoTopic(id))
	}
	for _, text := range []string{`update pulls set head_repo_id = 0 where head_repo_id = $1`, `update runs set head_repo_id = 0 where head_repo_id = $1`} {
		if err == nil {
			_, err = db.Exec(ctx, tx.ex, text, gone.ID)
		}
	}
	if err != nil {
		return fmt.Errorf("pull requests of repository %d: %w", gone.ID, err)
	}
	return nil
}

// countForks notes that a repository has more forks, or fewer.
func (tx *Tx) countForks(ctx context.Context, id int64, more int) error {
	if id == 0 || more == 0 {
		return nil
	}
	tx.Publish(RepoTopic(id), RecordTopic(id))
	_, err := db.Exec(ctx, tx.ex, `update repositories set forks = forks + $2 where id = $1`, id, more)
	return err
}

// ForkOf finds the repository of an account in the network of another: itself or a fork.
func (q queries) ForkOf(ctx context.Context, networkID, ownerID int64) (*actions.Repository, error) {
	return db.One(ctx, q.ex, scanRepository, repositorySelect+` where r.owner_id = $2 and (r.id = $1 or r.network_id = $1) order by r.id limit 1`, networkID, ownerID)
}
