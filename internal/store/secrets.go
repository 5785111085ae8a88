package store

import (
	"context"
	"fmt"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

const secretColumns = `id, coalesce(org_id, 0), coalesce(repo_id, 0), coalesce(environment_id, 0), name, visibility, key_id, sealed, created_at, updated_at`

var secretList = db.List[*actions.Secret]{Table: `secrets h`, ID: `h.id`, Columns: secretColumns, Scan: scanSecret}.Order(`h.name, h.id`)

func scanSecret(r db.Row) (*actions.Secret, error) {
	s := new(actions.Secret)
	return s, r.Scan(&s.ID, &s.Holder.OrgID, &s.Holder.RepoID, &s.Holder.EnvironmentID, &s.Name, &s.Visibility, &s.KeyID, &s.Sealed,
		db.Time(&s.CreatedAt), db.Time(&s.UpdatedAt))
}

// heldBy is the column that names a holder in the tables of secrets and variables.
func heldBy(h actions.Holder) string {
	switch h.Kind() {
	case actions.HeldByEnvironment:
		return "environment_id"
	case actions.HeldByRepository:
		return "repo_id"
	case actions.HeldByOrganization:
	}
	return "org_id"
}

// sharedWith is the condition that something an organization holds is for a repository:
// its arguments are the organization, whether the repository is private, what is
// selected for, and the repository.
const sharedWith = `h.org_id = ? and (h.visibility = 'all' or (h.visibility = 'private' and ? = 1)
	or (h.visibility = 'selected' and exists (select 1 from selected_repositories s
		where s.selected_for = ? and s.org_id = h.org_id and s.name = h.name and s.repo_id = ?)))`

// Secrets lists a page of the secrets of a holder, by name, and how many there are.
func (q queries) Secrets(ctx context.Context, h actions.Holder, p Page) ([]*actions.Secret, int, error) {
	list, total, err := secretList.Where(`h.`+heldBy(h)+` = ?`, h.ID()).Page(ctx, q.ex, p)
	if err != nil {
		return nil, 0, fmt.Errorf("secrets of %s %d: %w", h.Kind(), h.ID(), err)
	}
	return list, total, nil
}

// SharedSecrets lists a page of the secrets that its organization shares with a
// repository, by name, and how many there are.
func (q queries) SharedSecrets(ctx context.Context, r *actions.Repository, p Page) ([]*actions.Secret, int, error) {
	list, total, err := secretList.Where(sharedWith, r.Owner.ID, db.Flag(r.Private), actions.SelectedForSecret, r.ID).Page(ctx, q.ex, p)
	if err != nil {
		return nil, 0, fmt.Errorf("secrets shared with repository %d: %w", r.ID, err)
	}
	return list, total, nil
}

// Secret returns the secret of a holder with the name, which is in upper case.
func (q queries) Secret(ctx context.Context, h actions.Holder, name string) (*actions.Secret, error) {
	s, err := db.One(ctx, q.ex, scanSecret, `select `+secretColumns+` from secrets where `+heldBy(h)+` = $1 and name = $2`, h.ID(), name)
	if err != nil {
		return nil, fmt.Errorf("secret %s of %s %d: %w", name, h.Kind(), h.ID(), err)
	}
	return s, nil
}

// SaveSecret gives a holder a secret, or another value to the one of that name. It sets
// the id, and says whether it is new. More than the holder can have are Invalid.
func (tx *Tx) SaveSecret(ctx context.Context, s *actions.Secret) (created bool, err error) {
	h := s.Holder
	id, err := db.One(ctx, tx.ex, db.Value[int64], `update secrets set visibility = $3, key_id = $4, sealed = $5, updated_at = $6
		where `+heldBy(h)+` = $1 and name = $2 returning id`, h.ID(), s.Name, s.Visibility, s.KeyID, s.Sealed, db.Micros(s.UpdatedAt))
	what := "update_actions_secret"
	if actions.KindOf(err) == actions.NotFound {
		if err := tx.hasRoom(ctx, "secrets", h, h.MaxSecrets()); err != nil {
			return false, err
		}
		what, created = "create_actions_secret", true
		id, err = db.One(ctx, tx.ex, db.Value[int64], `insert into secrets (`+heldBy(h)+`, name, visibility, key_id, sealed, created_at, updated_at)
			values ($1, $2, $3, $4, $5, $6, $7) returning id`, h.ID(), s.Name, s.Visibility, s.KeyID, s.Sealed, db.Micros(s.CreatedAt), db.Micros(s.UpdatedAt))
	}
	if err != nil {
		return false, fmt.Errorf("secret %s of %s %d: %w", s.Name, h.Kind(), h.ID(), err)
	}
	s.ID = id
	return created, tx.auditHeld(ctx, h, what, s.Name, s.Visibility)
}

// DeleteSecret removes a secret, and what repositories were selected for it.
func (tx *Tx) DeleteSecret(ctx context.Context, h actions.Holder, name string) error {
	if err := db.ExecOne(ctx, tx.ex, `delete from secrets where `+heldBy(h)+` = $1 and name = $2`, h.ID(), name); err != nil {
		return fmt.Errorf("secret %s of %s %d: %w", name, h.Kind(), h.ID(), err)
	}
	if h.Kind() == actions.HeldByOrganization {
		if err := tx.DropSelection(ctx, actions.Selection{For: actions.SelectedForSecret, OrgID: h.OrgID, Name: name}); err != nil {
			return err
		}
	}
	return tx.auditHeld(ctx, h, "remove_actions_secret", name, "")
}

// JobSecrets lists the secrets that a job of a repository may have: of its environment
// (0 for none), of the repository and, the first by name, of its organization. The same
// name may be there of each.
func (q queries) JobSecrets(ctx context.Context, r *actions.Repository, environmentID int64) ([]*actions.Secret, error) {
	list, err := db.All(ctx, q.ex, scanSecret, `select `+secretColumns+` from secrets where environment_id = $1
		union all select `+secretColumns+` from secrets where repo_id = $2
		union all select `+secretColumns+` from secrets where id in (select h.id from secrets h where `+db.Numbered(sharedWith, 3)+` order by h.name limit $7)`,
		environmentID, r.ID, r.Owner.ID, db.Flag(r.Private), actions.SelectedForSecret, r.ID, actions.MaxJobOrganizationSecrets)
	if err != nil {
		return nil, fmt.Errorf("secrets of jobs of repository %d: %w", r.ID, err)
	}
	return list, nil
}
