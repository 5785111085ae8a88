package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

const keptColumns = `id, name, sha, origin, host, pack, pack_size, archive, archive_size, kept_at, used_at`

func keptFields(a *actions.KeptAction) []any {
	return []any{
		&a.ID, &a.Name, &a.SHA, &a.Origin, &a.Host, &a.Pack.Key, &a.Pack.Size, &a.Archive.Key, &a.Archive.Size,
		db.Time(&a.KeptAt), db.Time(&a.UsedAt),
	}
}

func scanKept(r db.Row) (*actions.KeptAction, error) {
	a := new(actions.KeptAction)
	return a, r.Scan(keptFields(a)...)
}

func scanKeptRef(r db.Row) (*actions.KeptRef, error) {
	f := &actions.KeptRef{Action: new(actions.KeptAction)}
	return f, r.Scan(append([]any{&f.Ref, &f.Host, db.Time(&f.AskedAt)}, keptFields(f.Action)...)...)
}

// EverOwned says whether an owner of repositories has that login, in any case, or ever had.
func (q queries) EverOwned(ctx context.Context, login string) (bool, error) {
	n, err := db.One(ctx, q.ex, db.Value[int64], `select (select count(*) from accounts where login_key = $1) + (select count(*) from former_owners where login_key = $1)`,
		strings.ToLower(login))
	return n > 0, err
}

// KeptAction returns the kept action of that number.
func (q queries) KeptAction(ctx context.Context, id int64) (*actions.KeptAction, error) {
	a, err := db.One(ctx, q.ex, scanKept, `select `+keptColumns+` from kept_actions where id = $1`, id)
	if err != nil {
		return nil, fmt.Errorf("kept action %d: %w", id, err)
	}
	return a, nil
}

// KeptCommit returns what is kept of a repository at a commit. One that was made here
// is not found: nobody else has it.
func (q queries) KeptCommit(ctx context.Context, name, sha string) (*actions.KeptAction, error) {
	a, err := db.One(ctx, q.ex, scanKept, `select `+keptColumns+` from kept_actions where name_key = $1 and sha = $2 and origin <> 'made_here'`,
		strings.ToLower(name), sha)
	if err != nil {
		return nil, fmt.Errorf("commit %s of %s: %w", sha, name, err)
	}
	return a, nil
}

// KeptRefs returns what a branch or tag of a repository means, by each host that was
// asked, the last one first.
func (q queries) KeptRefs(ctx context.Context, name, ref string) ([]*actions.KeptRef, error) {
	return db.All(ctx, q.ex, scanKeptRef, `select f.ref, f.host, f.asked_at, `+prefixed("a", keptColumns)+`
		from kept_action_refs f join kept_actions a on a.id = f.action_id where f.name_key = $1 and f.ref = $2 order by f.asked_at desc, f.host`,
		strings.ToLower(name), ref)
}

// KeepAction adds a commit, or replaces what is kept of it, and sets its number. A
// commit that was imported stays that.
func (tx *Tx) KeepAction(ctx context.Context, a *actions.KeptAction) error {
	key := strings.ToLower(a.Name)
	for _, column := range []string{"pack", "archive"} {
		_, err := db.Exec(ctx, tx.ex, `insert into dead_blobs (blob, created_at) select `+column+`, cast($3 as bigint) from kept_actions
			where name_key = $1 and sha = $2 and `+column+` <> $4 on conflict do nothing`,
			key, a.SHA, db.Micros(a.KeptAt), map[string]string{"pack": a.Pack.Key, "archive": a.Archive.Key}[column])
		if err != nil {
			return fmt.Errorf("kept action %s: %w", a.Name, err)
		}
	}
	id, err := db.One(ctx, tx.ex, db.Value[int64], `insert into kept_actions
		(name, name_key, sha, origin, host, pack, pack_size, archive, archive_size, kept_at, used_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10) on conflict (name_key, sha) do update set
		origin = case when kept_actions.origin = 'imported' then 'imported' else excluded.origin end,
		host = case when kept_actions.origin = 'imported' and excluded.origin <> 'imported' then kept_actions.host else excluded.host end,
		pack = excluded.pack, pack_size = excluded.pack_size, archive = excluded.archive, archive_size = excluded.archive_size,
		kept_at = excluded.kept_at, used_at = excluded.used_at returning id`,
		a.Name, key, a.SHA, a.Origin, a.Host, a.Pack.Key, a.Pack.Size, a.Archive.Key, a.Archive.Size, db.Micros(a.KeptAt))
	if err != nil {
		return fmt.Errorf("kept action %s: %w", a.Name, err)
	}
	a.ID = id
	return nil
}

// NameKept says what a branch or tag of a kept repository means.
func (tx *Tx) NameKept(ctx context.Context, f *actions.KeptRef) error {
	_, err := db.Exec(ctx, tx.ex, `insert into kept_action_refs (name_key, ref, host, action_id, asked_at) values ($1, $2, $3, $4, $5)
		on conflict (name_key, ref, host) do update set action_id = excluded.action_id, asked_at = excluded.asked_at`,
		strings.ToLower(f.Action.Name), f.Ref, f.Host, f.Action.ID, db.Micros(f.AskedAt))
	if err != nil {
		return fmt.Errorf("%s@%s: %w", f.Action.Name, f.Ref, err)
	}
	return nil
}

// ImportedAction writes down that the operator has brought in an action.
func (tx *Tx) ImportedAction(ctx context.Context, a *actions.KeptAction, refs []string) error {
	e := actions.AuditEntry{Action: actions.AuditActionImport}
	return tx.Audit(ctx, e.With("name", a.Name).With("sha", a.SHA).With("refs", actions.Clip(strings.Join(refs, ","), 500)).With("origin", string(a.Origin)))
}

// KeptActionUsed notes that jobs got an action.
func (tx *Tx) KeptActionUsed(ctx context.Context, id int64, now time.Time) error {
	_, err := db.Exec(ctx, tx.ex, `update kept_actions set used_at = $2 where id = $1 and used_at < $2`, id, db.Micros(now))
	return err
}

// KeptActions lists commits that are kept by number, after the one given: all, or those
// of one repository.
func (q queries) KeptActions(ctx context.Context, name string, after int64, limit int) ([]*actions.KeptAction, error) {
	return db.All(ctx, q.ex, scanKept, `select `+keptColumns+` from kept_actions where id > $1 and ($2 = '' or name_key = $2) order by id limit $3`,
		after, strings.ToLower(name), limit)
}

// RefsOfKept lists the names that mean a commit.
func (q queries) RefsOfKept(ctx context.Context, id int64) ([]*actions.KeptRef, error) {
	return db.All(ctx, q.ex, scanKeptRef, `select f.ref, f.host, f.asked_at, `+prefixed("a", keptColumns)+`
		from kept_action_refs f join kept_actions a on a.id = f.action_id where f.action_id = $1 order by f.ref, f.host`, id)
}

// FetchedBytes is how much the actions take that were fetched.
func (q queries) FetchedBytes(ctx context.Context) (int64, error) {
	return db.One(ctx, q.ex, db.Value[int64], `select coalesce(cast(sum(pack_size + archive_size) as bigint), 0) from kept_actions where origin = 'fetched'`)
}

// LeastUsed lists actions that were fetched, those first that no job got for longest.
func (q queries) LeastUsed(ctx context.Context, limit int) ([]*actions.KeptAction, error) {
	return db.All(ctx, q.ex, scanKept, `select `+keptColumns+` from kept_actions where origin = 'fetched' order by used_at limit $1`, limit)
}

// DropKept forgets an action with its names. Its blobs become dead.
func (tx *Tx) DropKept(ctx context.Context, id int64, now time.Time) error {
	for _, column := range []string{"pack", "archive"} {
		_, err := db.Exec(ctx, tx.ex, `insert into dead_blobs (blob, created_at) select `+column+`, cast($2 as bigint) from kept_actions
			where id = $1 on conflict do nothing`, id, db.Micros(now))
		if err != nil {
			return fmt.Errorf("kept action %d: %w", id, err)
		}
	}
	if _, err := db.Exec(ctx, tx.ex, `delete from kept_actions where id = $1`, id); err != nil {
		return fmt.Errorf("kept action %d: %w", id, err)
	}
	return nil
}

// RemoveKept is [Tx.DropKept] by the operator.
func (tx *Tx) RemoveKept(ctx context.Context, a *actions.KeptAction, now time.Time) error {
	if err := tx.DropKept(ctx, a.ID, now); err != nil {
		return err
	}
	return tx.Audit(ctx, actions.AuditEntry{Action: actions.AuditActionRemove}.With("name", a.Name).With("sha", a.SHA))
}

// RemoveKeptRef takes away what the operator said that a name means, and says whether
// there was any such.
func (tx *Tx) RemoveKeptRef(ctx context.Context, f *actions.KeptRef) error {
	_, err := db.Exec(ctx, tx.ex, `delete from kept_action_refs where name_key = $1 and ref = $2 and host = $3`, strings.ToLower(f.Action.Name), f.Ref, f.Host)
	if err != nil {
		return fmt.Errorf("%s@%s: %w", f.Action.Name, f.Ref, err)
	}
	return tx.Audit(ctx, actions.AuditEntry{Action: actions.AuditActionRemove}.With("name", f.Action.Name).With("sha", f.Action.SHA).With("refs", f.Ref))
}
