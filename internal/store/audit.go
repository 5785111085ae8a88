package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

const auditColumns = `id, action, operation, created_at, actor_id, actor, actor_ip, origin, org_id, org, repo_id, repo, user_id, user_login, data, hash`

// auditOrigin is what an entry keeps of its actor as JSON.
type auditOrigin struct {
	UserAgent string            `json:"user_agent,omitempty"`
	TokenID   int64             `json:"token_id,omitempty"`
	TokenKind actions.TokenKind `json:"token_kind,omitempty"`
	JobID     int64             `json:"job_id,omitempty"`
}

func originOf(a actions.Actor) auditOrigin {
	return auditOrigin{a.UserAgent, a.TokenID, a.TokenKind, a.JobID}
}

func scanAuditEntry(r db.Row) (*actions.AuditEntry, error) {
	e, o, operation := new(actions.AuditEntry), auditOrigin{}, ""
	err := r.Scan(&e.ID, &e.Action, &operation, db.Time(&e.CreatedAt), &e.By.AccountID, &e.By.Login, &e.By.Address, db.JSON(&o),
		&e.OrgID, &e.Org, &e.RepoID, &e.Repo, &e.UserID, &e.User, db.JSON(&e.Data), &e.Hash)
	e.By.UserAgent, e.By.TokenID, e.By.TokenKind, e.By.JobID = o.UserAgent, o.TokenID, o.TokenKind, o.JobID
	return e, err
}

// Audit adds an entry to the audit log, by whom the context says ([actions.ActorOf])
// and now. It is written with what the rest of the transaction changes, or not at all.
// Entries have the order in which they were committed: those who write at the same
// time wait for each other.
func (tx *Tx) Audit(ctx context.Context, e actions.AuditEntry) error {
	e.CreatedAt, e.By = tx.now().UTC().Truncate(time.Microsecond), actions.ActorOf(ctx)
	if e.By.AccountID != 0 && e.By.Login == "" {
		a, err := tx.Account(ctx, e.By.AccountID)
		if err == nil {
			e.By.Login = a.Login
		} else if err := unlessGone(err); err != nil {
			return err
		}
	}
	if len(e.Data) == 0 {
		e.Data = nil // as it is read
	}
	if err := tx.appendEntry(ctx, &e); err != nil {
		return fmt.Errorf("audit log: %s: %w", e.Action, err)
	}
	return nil
}

// auditIn is an entry about a scope: what is done there has three names. Of what is
// gone it has the id.
func (tx *Tx) auditIn(ctx context.Context, sc actions.Scope, name string) (e actions.AuditEntry, err error) {
	e.Action = actions.AuditIn(sc, name)
	switch {
	case sc.RepoID != 0:
		e.RepoID = sc.RepoID
		r, err := tx.Repository(ctx, sc.RepoID)
		if err == nil {
			e = e.InRepo(r)
		}
		return e, unlessGone(err)
	case sc.OwnerID != 0:
		e.OrgID = sc.OwnerID
		o, err := tx.Account(ctx, sc.OwnerID)
		if err == nil {
			e = e.InOrg(o)
		}
		return e, unlessGone(err)
	}
	return e, nil
}

func unlessGone(err error) error {
	if actions.KindOf(err) == actions.NotFound {
		return nil
	}
	return err
}

// appendEntry gives e its place in the log and its hash, and writes it.
func (tx *Tx) appendEntry(ctx context.Context, e *actions.AuditEntry) error {
	type head struct {
		id   int64
		hash []byte
	}
	scan := func(r db.Row) (h head, err error) {
		err = r.Scan(&h.id, &h.hash)
		return h, err
	}
	h, err := db.One(ctx, tx.ex, scan, `update audit_head set id = id + 1 where one = 1 returning id, hash`)
	if err != nil {
		return err
	}
	e.ID = h.id
	if e.Hash, err = auditHash(h.hash, e); err != nil {
		return err
	}
	_, err = db.Exec(ctx, tx.ex, `insert into audit_entries (`+auditColumns+`)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
		e.ID, e.Action, e.Action.Operation(), db.Micros(e.CreatedAt), e.By.AccountID, e.By.Login, e.By.Address, db.Text(originOf(e.By)),
		e.OrgID, e.Org, e.RepoID, e.Repo, e.UserID, e.User, db.Text(e.Data), e.Hash)
	if err != nil {
		return err
	}
	_, err = db.Exec(ctx, tx.ex, `update audit_head set hash = $1 where one = 1`, e.Hash)
	return err
}

// auditHash is the SHA-256 of an entry and of the hash of the entry before it, so that
// one that is changed, or taken out, no longer fits the next.
func auditHash(before []byte, e *actions.AuditEntry) ([]byte, error) {
	said := [...]any{
		hex.EncodeToString(before), e.ID, e.Action, db.Micros(e.CreatedAt), e.By.AccountID, e.By.Login, e.By.Address, originOf(e.By),
		e.OrgID, e.Org, e.RepoID, e.Repo, e.UserID, e.User, e.Data,
	}
	text, err := json.Marshal(said)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(text)
	return sum[:], nil
}
