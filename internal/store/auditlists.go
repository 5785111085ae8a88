package store

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

// An AuditFilter narrows the audit log. The zero filter is all of it.
type AuditFilter struct {
	OrgID    int64     // of the entries about an organization and its repositories; 0 for all
	From, To time.Time // both included; zero for no limit
	Terms    []AuditTerm

	Before, After int64 // entries with lower ids, with higher ids; 0 for no limit
	Oldest        bool  // the oldest entries come first, not the newest
}

// An AuditTerm is what a field of an entry is, or is not. Of terms that say what one
// field is, any may fit.
type AuditTerm struct {
	Field AuditField
	Value string // compared without case; for AuditByAction a category is enough: "repo"
	Not   bool
}

// An AuditField is what a term is about.
type AuditField string

// The fields, by GitHub's names.
const (
	AuditByAction    AuditField = "action"
	AuditByOperation AuditField = "operation"
	AuditByActor     AuditField = "actor"
	AuditByActorID   AuditField = "actor_id"
	AuditByActorIP   AuditField = "actor_ip"
	AuditByOrg       AuditField = "org"
	AuditByOrgID     AuditField = "org_id"
	AuditByRepo      AuditField = "repo"
	AuditByRepoID    AuditField = "repo_id"
	AuditByUser      AuditField = "user"
	AuditByUserID    AuditField = "user_id"
)

// condition is what a term says in SQL, with its arguments. What no id can be fits nothing.
func (t AuditTerm) condition() (text string, args []any) {
	value := strings.ToLower(t.Value)
	switch t.Field {
	case AuditByActorID, AuditByOrgID, AuditByRepoID, AuditByUserID:
		id, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			id = -1
		}
		return string(t.Field) + ` = ?`, []any{id}
	case AuditByAction:
		if !strings.Contains(value, ".") {
			return `substr(action, 1, ?) = ?`, []any{len(value) + 1, value + "."}
		}
		return `action = ?`, []any{value}
	case AuditByOperation:
		return `operation = ?`, []any{value}
	case AuditByUser:
		return `lower(user_login) = ?`, []any{value}
	case AuditByActor, AuditByActorIP, AuditByOrg, AuditByRepo:
	}
	return `lower(` + string(t.Field) + `) = ?`, []any{value}
}

var auditList = db.List[*actions.AuditEntry]{Table: `audit_entries`, ID: `id`, Columns: auditColumns, Scan: scanAuditEntry}

func (f AuditFilter) list() db.List[*actions.AuditEntry] {
	l := auditList.Where(`id > ?`, f.After).Narrow(`id < ?`, f.Before).Narrow(`org_id = ?`, f.OrgID)
	if !f.From.IsZero() {
		l = l.Where(`created_at >= ?`, db.Micros(f.From))
	}
	if !f.To.IsZero() {
		l = l.Where(`created_at <= ?`, db.Micros(f.To))
	}
	var fields []AuditField // in the order in which they come
	texts, args := map[AuditField][]string{}, map[AuditField][]any{}
	for _, t := range f.Terms {
		text, values := t.condition()
		if t.Not {
			l = l.Where(`not (`+text+`)`, values...)
			continue
		}
		if texts[t.Field] == nil {
			fields = append(fields, t.Field)
		}
		texts[t.Field], args[t.Field] = append(texts[t.Field], text), append(args[t.Field], values...)
	}
	for _, field := range fields {
		l = l.Where(`(`+strings.Join(texts[field], ` or `)+`)`, args[field]...)
	}
	if f.Oldest {
		return l.Order(`id`)
	}
	return l.Order(`id desc`)
}

// AuditEntries lists up to limit entries of the audit log.
func (q queries) AuditEntries(ctx context.Context, f AuditFilter, limit int) ([]*actions.AuditEntry, error) {
	list, err := f.list().First(ctx, q.ex, limit)
	if err != nil {
		return nil, fmt.Errorf("audit log: %w", err)
	}
	return list, nil
}

// CheckAudit reads the whole audit log and says how many entries it has. Where an
// entry is not the one that was written, or one is missing, it is a Conflict that
// names the first of them.
func (s *Store) CheckAudit(ctx context.Context) (entries int64, err error) {
	err = s.View(ctx, func(tx *Tx) error {
		var before []byte
		entries = 0
		for {
			list, err := tx.AuditEntries(ctx, AuditFilter{After: entries, Oldest: true}, auditBatch)
			if err != nil {
				return err
			}
			for _, e := range list {
				entries++
				hash, err := auditHash(before, e)
				if err != nil {
					return err
				}
				if e.ID != entries || !bytes.Equal(hash, e.Hash) {
					return actions.Errorf(actions.Conflict, "audit log: entry %d is missing, or is not what was written", entries)
				}
				before = e.Hash
			}
			if len(list) < auditBatch {
				return tx.checkAuditHead(ctx, entries)
			}
		}
	})
	return entries, err
}

const auditBatch = 1000

// checkAuditHead says whether the log ends where it should.
func (q queries) checkAuditHead(ctx context.Context, entries int64) error {
	last, err := db.One(ctx, q.ex, db.Value[int64], `select id from audit_head where one = 1`)
	if err == nil && last != entries {
		err = actions.Errorf(actions.Conflict, "audit log: entry %d and those after it are missing: there were %d", entries+1, last)
	}
	return err
}
