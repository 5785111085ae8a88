package store

import (
	"context"
	"fmt"
	"strconv"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

const environmentColumns = `id, repo_id, name, wait_timer, prevent_self_review, reviewers, branch_policy, admins_bypass, created_at, updated_at`

var environmentList = db.List[*actions.Environment]{
	Table: `environments e`, ID: `e.id`, Columns: environmentColumns, Scan: scanEnvironment,
}.Order(`e.id`)

func scanEnvironment(r db.Row) (*actions.Environment, error) {
	e := new(actions.Environment)
	return e, r.Scan(&e.ID, &e.RepoID, &e.Name, &e.WaitTimer, db.Bool(&e.PreventSelfReview), db.JSON(&e.Reviewers), &e.Branches,
		db.Bool(&e.AdminsBypass), db.Time(&e.CreatedAt), db.Time(&e.UpdatedAt))
}

// Environment returns the environment of a repository with the given name, in any case.
func (q queries) Environment(ctx context.Context, repoID int64, name string) (*actions.Environment, error) {
	e, err := db.One(ctx, q.ex, scanEnvironment, `select `+environmentColumns+` from environments where repo_id = $1 and name_key = $2`,
		repoID, actions.EnvironmentKey(name))
	if err != nil {
		return nil, fmt.Errorf("environment %q of repository %d: %w", name, repoID, err)
	}
	return e, nil
}

// Environments lists a page of the environments of a repository, oldest first, and how
// many there are.
func (q queries) Environments(ctx context.Context, repoID int64, p Page) ([]*actions.Environment, int, error) {
	list, total, err := environmentList.Where(`e.repo_id = ?`, repoID).Page(ctx, q.ex, p)
	if err != nil {
		return nil, 0, fmt.Errorf("environments of repository %d: %w", repoID, err)
	}
	return list, total, nil
}

// ProtectedEnvironments lists the environments of a repository that have a rule.
func (q queries) ProtectedEnvironments(ctx context.Context, repoID int64) ([]*actions.Environment, error) {
	list, err := environmentList.Where(`e.repo_id = ?`, repoID).Where(hasRule).All(ctx, q.ex)
	if err != nil {
		return nil, fmt.Errorf("environments of repository %d: %w", repoID, err)
	}
	return list, nil
}

// hasRule is the condition for an environment e to have a rule: see
// [actions.Environment.Protected].
const hasRule = `(e.id is not null and (e.wait_timer > 0 or e.branch_policy <> '' or e.reviewers <> '[]'))`

// MisjudgedRuns lists runs, by ids greater than after, with jobs that wait for the rules
// of an environment which has none any more, or that wait for a runner although their
// environment has rules now: runs of a repository, or of all for 0.
func (q queries) MisjudgedRuns(ctx context.Context, repoID, after int64, limit int) ([]int64, error) {
	ids, err := db.All(ctx, q.ex, db.Value[int64], `select distinct j.run_id from jobs j
		left join environments e on e.repo_id = j.repo_id and e.name_key = j.environment_key
		where j.status = 'queued' and j.environment <> '' and (j.repo_id = $1 or $1 = 0) and j.run_id > $2
			and ((j.wait = '' and `+hasRule+`) or (j.wait like '`+string(actions.Protection)+`:%' and not `+hasRule+`))
		order by j.run_id limit $3`, repoID, after, limit)
	if err != nil {
		return nil, fmt.Errorf("jobs that deploy: %w", err)
	}
	return ids, nil
}

// AddEnvironment adds an environment without rules, unless the repository has one of
// that name. It sets what e lacks, and says whether it was added.
func (tx *Tx) AddEnvironment(ctx context.Context, e *actions.Environment) (added bool, err error) {
	id, err := db.One(ctx, tx.ex, db.Value[int64], `insert into environments (repo_id, name, name_key, created_at, updated_at)
		values ($1, $2, $3, $4, $5) on conflict (repo_id, name_key) do nothing returning id`,
		e.RepoID, e.Name, actions.EnvironmentKey(e.Name), db.Micros(e.CreatedAt), db.Micros(e.UpdatedAt))
	if actions.KindOf(err) == actions.NotFound {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("environment %q of repository %d: %w", e.Name, e.RepoID, err)
	}
	e.ID = id
	tx.Publish(EnvironmentsTopic(e.RepoID))
	return true, tx.auditEnvironment(ctx, e, actions.AuditEnvironmentCreate)
}

// SaveEnvironment saves the rules of an environment, which it adds where the repository
// has none of that name. It sets the id of e, its name as it was first given, and when
// it was made.
func (tx *Tx) SaveEnvironment(ctx context.Context, e *actions.Environment) error {
	if _, err := tx.AddEnvironment(ctx, e); err != nil {
		return err
	}
	was, err := tx.Environment(ctx, e.RepoID, e.Name)
	if err != nil {
		return err
	}
	e.ID, e.Name, e.CreatedAt = was.ID, was.Name, was.CreatedAt
	reviewers := e.Reviewers
	if reviewers == nil {
		reviewers = []actions.Reviewer{}
	}
	err = tx.exec(ctx, EnvironmentsTopic(e.RepoID), `update environments set wait_timer = $2, prevent_self_review = $3, reviewers = $4, branch_policy = $5,
		admins_bypass = $6, updated_at = $7 where id = $1`,
		e.ID, e.WaitTimer, db.Flag(e.PreventSelfReview), db.Text(reviewers), e.Branches, db.Flag(e.AdminsBypass), db.Micros(e.UpdatedAt))
	if err != nil {
		return fmt.Errorf("environment %q of repository %d: %w", e.Name, e.RepoID, err)
	}
	return tx.auditRules(ctx, was, e)
}

// DeleteEnvironment removes an environment with all that it has.
func (tx *Tx) DeleteEnvironment(ctx context.Context, repoID int64, name string) error {
	e, err := tx.Environment(ctx, repoID, name)
	if err != nil {
		return err
	}
	if err := tx.exec(ctx, EnvironmentsTopic(repoID), `delete from environments where id = $1`, e.ID); err != nil {
		return fmt.Errorf("environment %q of repository %d: %w", name, repoID, err)
	}
	return tx.auditEnvironment(ctx, e, actions.AuditEnvironmentDelete)
}

func (tx *Tx) auditEnvironment(ctx context.Context, e *actions.Environment, what actions.AuditAction) error {
	return tx.auditEnvironmentEntry(ctx, e, actions.AuditEntry{Action: what})
}

func (tx *Tx) auditEnvironmentEntry(ctx context.Context, e *actions.Environment, entry actions.AuditEntry) error {
	r, err := tx.Repository(ctx, e.RepoID)
	if err != nil {
		return err
	}
	return tx.Audit(ctx, entry.InRepo(r).With("environment_name", e.Name))
}

// auditRules writes an entry for each rule that an environment has now and had not, or
// has no more, or has in another way.
func (tx *Tx) auditRules(ctx context.Context, was, is *actions.Environment) error {
	old, rules := rulesOf(was), rulesOf(is)
	for i, rule := range rules {
		had := old[i]
		entry := actions.AuditEntry{Action: actions.AuditEnvironmentUpdateRule}
		switch {
		case rule == had:
			continue
		case had.value == "":
			entry.Action = actions.AuditEnvironmentAddRule
		case rule.value == "":
			entry.Action = actions.AuditEnvironmentRemoveRule
		}
		entry = entry.With("type", rule.kind).With("old_value", had.value).With("new_value", rule.value)
		if err := tx.auditEnvironmentEntry(ctx, is, entry); err != nil {
			return err
		}
	}
	return nil
}

// An auditedRule is a rule of an environment as the audit log names it. Its value is
// empty where there is no such rule.
type auditedRule struct{ kind, value string }

func rulesOf(e *actions.Environment) [3]auditedRule {
	rules := [3]auditedRule{{kind: "wait_timer"}, {kind: "required_reviewers"}, {kind: "branch_policy", value: string(e.Branches)}}
	if e.WaitTimer > 0 {
		rules[0].value = strconv.Itoa(e.WaitTimer)
	}
	for i, r := range e.Reviewers {
		if i > 0 {
			rules[1].value += ", "
		}
		rules[1].value += string(r.Type) + " " + strconv.FormatInt(r.ID, 10)
	}
	if len(e.Reviewers) > 0 && e.PreventSelfReview {
		rules[1].value += ", not who started the run"
	}
	return rules
}
