package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

const tokenColumns = `id, account_id, kind, hash, note, scopes, repo_id, job_id, access, coalesce(parent_id, 0), creator_id, expires_at, created_at, last_used_at`

func scanToken(r db.Row) (*actions.Token, error) {
	t := new(actions.Token)
	return t, r.Scan(&t.ID, &t.AccountID, &t.Kind, &t.Hash, &t.Note, db.JSON(&t.Scopes), &t.RepoID, &t.JobID,
		db.JSON(&t.Access), &t.ParentID, &t.CreatorID, db.Time(&t.ExpiresAt), db.Time(&t.CreatedAt), db.Time(&t.LastUsedAt))
}

// CreateToken is [Tx.CreateToken] by itself.
func (s *Store) CreateToken(ctx context.Context, t *actions.Token) error {
	return s.Update(ctx, func(tx *Tx) error { return tx.CreateToken(ctx, t) })
}

// CreateToken adds t and sets its id.
func (tx *Tx) CreateToken(ctx context.Context, t *actions.Token) error {
	id, err := db.One(ctx, tx.ex, db.Value[int64], `insert into tokens
		(account_id, kind, hash, note, scopes, repo_id, job_id, access, parent_id, creator_id, expires_at, created_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, nullif($9, 0), $10, $11, $12) returning id`,
		t.AccountID, t.Kind, t.Hash, t.Note, db.Text(t.Scopes), t.RepoID, t.JobID, db.Text(t.Access), t.ParentID, t.CreatorID, db.Micros(t.ExpiresAt), db.Micros(t.CreatedAt))
	if err != nil {
		return fmt.Errorf("token of account %d: %w", t.AccountID, err)
	}
	t.ID = id
	return tx.auditToken(ctx, t, actions.AuditTokenCreate, actions.AuditUserLogin)
}

// auditToken writes what was done with a token: with a personal one, or with a
// browser's session. Those of jobs come and go with their jobs.
func (tx *Tx) auditToken(ctx context.Context, t *actions.Token, personal, session actions.AuditAction) error {
	e := actions.AuditEntry{Action: personal}
	switch t.Kind {
	case actions.JobToken:
		return nil
	case actions.WebSession:
		e.Action = session
	case actions.Classic, actions.FineGrained:
		e = e.With("managed_token_scopes", strings.Join(t.Scopes, ",")).With("note", t.Note)
	}
	a, err := tx.Account(ctx, t.AccountID)
	if err != nil {
		return err
	}
	return tx.Audit(ctx, e.Of(a).With("managed_token_id", strconv.FormatInt(t.ID, 10)))
}

// SaveJobToken adds the token of a job, once: a repeated acquire brings it again.
func (q queries) SaveJobToken(ctx context.Context, t *actions.Token) error {
	_, err := db.Exec(ctx, q.ex, `insert into tokens (account_id, kind, hash, repo_id, job_id, access, expires_at, created_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (hash) do nothing`,
		t.AccountID, actions.JobToken, t.Hash, t.RepoID, t.JobID, db.Text(t.Access), db.Micros(t.ExpiresAt), db.Micros(t.CreatedAt))
	if err != nil {
		return fmt.Errorf("token of job %d: %w", t.JobID, err)
	}
	return nil
}

// TokenByHash returns the token whose SHA-256 is hash.
func (q queries) TokenByHash(ctx context.Context, hash []byte) (*actions.Token, error) {
	t, err := db.One(ctx, q.ex, scanToken, `select `+tokenColumns+` from tokens where hash = $1`, hash)
	if err != nil {
		return nil, fmt.Errorf("token: %w", err)
	}
	return t, nil
}

// personal is what [actions.Token.Personal] says.
const personal = `kind in ('classic', 'fine')`

// PersonalTokens returns the tokens that people keep, the oldest first, and how many
// there are; with an account only its own.
func (q queries) PersonalTokens(ctx context.Context, accountID int64, p Page) ([]*actions.Token, int, error) {
	where := ` from tokens where kind <> 'job' and ` + personal + ` and (account_id = $1 or $1 = 0)`
	n, err := db.One(ctx, q.ex, db.Value[int64], `select count(*)`+where, accountID)
	if err != nil {
		return nil, 0, err
	}
	list, err := db.All(ctx, q.ex, scanToken, `select `+tokenColumns+where+` order by id limit $2 offset $3`, accountID, p.Size, p.Offset())
	return list, int(n), err
}

// PersonalToken returns a token that somebody keeps.
func (q queries) PersonalToken(ctx context.Context, id int64) (*actions.Token, error) {
	t, err := db.One(ctx, q.ex, scanToken, `select `+tokenColumns+` from tokens where id = $1 and `+personal, id)
	if err != nil {
		return nil, fmt.Errorf("token %d: %w", id, err)
	}
	return t, nil
}

// Token returns the token with the given id.
func (q queries) Token(ctx context.Context, id int64) (*actions.Token, error) {
	t, err := db.One(ctx, q.ex, scanToken, `select `+tokenColumns+` from tokens where id = $1`, id)
	if err != nil {
		return nil, fmt.Errorf("token %d: %w", id, err)
	}
	return t, nil
}

// DeleteToken is [Tx.DeleteToken] by itself.
func (s *Store) DeleteToken(ctx context.Context, id int64) error {
	return s.Update(ctx, func(tx *Tx) error { return tx.DeleteToken(ctx, id) })
}

// DeleteToken removes one token, the sessions that somebody signed in for with it, and
// the registration tokens that were made with it.
func (tx *Tx) DeleteToken(ctx context.Context, id int64) error {
	return tx.deleteTokens(ctx, `id = $1`, id)
}

// DeleteTokensNoted removes the tokens of an account that have the note.
func (s *Store) DeleteTokensNoted(ctx context.Context, accountID int64, note string) error {
	return s.Update(ctx, func(tx *Tx) error { return tx.deleteTokens(ctx, `account_id = $1 and note = $2`, accountID, note) })
}

// deleteTokens removes the tokens that a condition fits.
func (tx *Tx) deleteTokens(ctx context.Context, condition string, args ...any) error {
	gone, err := db.All(ctx, tx.ex, scanToken, `delete from tokens where `+condition+` returning `+tokenColumns, args...)
	if err != nil {
		return err
	}
	tx.Publish(AccessTopic())
	for _, t := range gone {
		if err := tx.auditToken(ctx, t, actions.AuditTokenDestroy, actions.AuditUserLogout); err != nil {
			return err
		}
	}
	return nil
}

// DeleteJobTokens removes the tokens of a job that is over.
func (q queries) DeleteJobTokens(ctx context.Context, jobID int64) error {
	_, err := db.Exec(ctx, q.ex, `delete from tokens where job_id = $1 and job_id <> 0`, jobID)
	return err
}

// DeleteExpiredTokens removes what no one can use any more.
func (q queries) DeleteExpiredTokens(ctx context.Context, now time.Time) error {
	if _, err := db.Exec(ctx, q.ex, `delete from tokens where expires_at <> 0 and expires_at <= $1`, db.Micros(now)); err != nil {
		return err
	}
	_, err := db.Exec(ctx, q.ex, `delete from registration_tokens where expires_at <= $1`, db.Micros(now.Add(-actions.AdminTokenLife)))
	return err
}

// TokenUsed notes when a token was used last, without making the caller wait: see
// [Store.Soon].
func (s *Store) TokenUsed(id int64, now time.Time) {
	s.Soon("token "+strconv.FormatInt(id, 10), func(ctx context.Context, tx *Tx) error {
		_, err := db.Exec(ctx, tx.ex, `update tokens set last_used_at = $2 where id = $1`, id, db.Micros(now))
		return err
	})
}
