package store

import (
	"context"
	"fmt"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

// A Setting is what somebody has set in a scope. Package settings knows which keys
// there are and what their values mean.
type Setting struct {
	Scope actions.Scope
	Key   string
	Value string // JSON; empty to take back what is set

	// What the audit log calls it when the setting is changed, behind the name of its
	// scope. Only those who change it know.
	Action string
}

// The words for the three kinds of scopes.
const (
	inEnterprise   = "enterprise"
	inOrganization = "organization"
	inRepository   = "repository"
)

// settingScope names a scope in the table.
func settingScope(sc actions.Scope) (kind string, id int64) {
	switch {
	case sc.RepoID != 0:
		return inRepository, sc.RepoID
	case sc.OwnerID != 0:
		return inOrganization, sc.OwnerID
	}
	return inEnterprise, 0
}

func scanSetting(r db.Row) (s Setting, err error) {
	var kind string
	var id int64
	err = r.Scan(&kind, &id, &s.Key, &s.Value)
	switch kind {
	case inRepository:
		s.Scope.RepoID = id
	case inOrganization:
		s.Scope.OwnerID = id
	}
	return s, err
}

// Settings lists what is set for a repository, for its owner and for the
// enterprise. With 0 for the repository, or for both, it is less.
func (q queries) Settings(ctx context.Context, ownerID, repoID int64) ([]Setting, error) {
	list, err := db.All(ctx, q.ex, scanSetting, `select scope, id, key, value from settings
		where (scope = '`+inEnterprise+`' and id = 0) or (scope = '`+inOrganization+`' and id = $1) or (scope = '`+inRepository+`' and id = $2)`, ownerID, repoID)
	if err != nil {
		return nil, fmt.Errorf("settings of repository %d of account %d: %w", repoID, ownerID, err)
	}
	return list, nil
}

// SaveSetting sets a key in a scope, or takes back what is set there, if anything.
func (tx *Tx) SaveSetting(ctx context.Context, s Setting) error {
	kind, id := settingScope(s.Scope)
	var err error
	if s.Value == "" {
		err = tx.exec(ctx, SettingsTopic(), `delete from settings where scope = $1 and id = $2 and key = $3`, kind, id, s.Key)
	} else {
		err = tx.exec(ctx, SettingsTopic(), `insert into settings (scope, id, key, value) values ($1, $2, $3, $4)
			on conflict (scope, id, key) do update set value = excluded.value`, kind, id, s.Key, s.Value)
	}
	if err != nil {
		return fmt.Errorf("setting %s of %s %d: %w", s.Key, kind, id, err)
	}
	e, err := tx.auditIn(ctx, s.Scope, s.Action)
	if err != nil {
		return err
	}
	return tx.Audit(ctx, e.With("limit", s.Value))
}
