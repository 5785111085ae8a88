package store

import (
	"context"
	"fmt"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

const toolCheckColumns = `id, repo_id, suite_id, head_sha, name, external_id, details_url, status, conclusion, title, summary, body, actions, started_at, completed_at, created_at`

var toolCheckList = db.List[*CheckRun]{
	Table: `check_runs c`, ID: `c.id`, Joins: `join accounts a on a.id = c.creator_id`,
	Columns: prefixed("c", toolCheckColumns) + `, (select count(*) from check_notes n where n.check_run_id = c.id), ` + prefixed("a", accountColumns),
	Scan: func(row db.Row) (*CheckRun, error) {
		c := &actions.CheckRun{}
		fields := []any{
			&c.ID, &c.RepoID, &c.SuiteID, &c.HeadSHA, &c.Name, &c.ExternalID, &c.DetailsURL, &c.Status, &c.Conclusion, &c.Title, &c.Summary, &c.Text,
			db.JSON(&c.Actions), db.Time(&c.StartedAt), db.Time(&c.CompletedAt), db.Time(&c.CreatedAt), &c.Annotations,
		}
		err := row.Scan(append(fields, accountFields(&c.Creator)...)...)
		c.ID, c.SuiteID = c.ID+actions.ToolChecks, c.SuiteID+actions.ToolChecks
		return &CheckRun{CheckRun: c}, err
	},
}.Order(`c.id desc`)

// ofTools is the row of a tool's check run or suite with an id; 0 for one of a job or run.
func ofTools(id int64) int64 { return max(id-actions.ToolChecks, 0) }

// toolChecks are those of the check runs of a filter that tools report.
func (q queries) toolChecks(ctx context.Context, f CheckFilter, p Page) ([]*CheckRun, int, error) {
	if f.ID != 0 && f.ID < actions.ToolChecks || f.SuiteID != 0 && f.SuiteID < actions.ToolChecks {
		return nil, 0, nil
	}
	l := toolCheckList.Where(`c.repo_id = ?`, f.RepoID).Narrow(`c.id = ?`, ofTools(f.ID)).Narrow(`c.suite_id = ?`, ofTools(f.SuiteID)).
		Narrow(`c.head_sha = ?`, f.HeadSHA).Narrow(`c.name = ?`, f.Name).Narrow(`c.status = ?`, f.Status)
	if f.App == actions.ActionsApp {
		l = l.Where(`exists (select 1 from accounts b where b.id = c.creator_id and b.login = ?)`, actions.JobBot)
	} else if f.App != 0 {
		l = l.Where(`c.creator_id = ?`, f.App-actions.ToolChecks)
	}
	if !f.Attempts && f.ID == 0 {
		l = l.Where(`not exists (select 1 from check_runs n where n.suite_id = c.suite_id and n.name = c.name and n.id > c.id)`)
	}
	list, total, err := l.Page(ctx, q.ex, p)
	if err != nil {
		return nil, 0, fmt.Errorf("check runs of repository %d: %w", f.RepoID, err)
	}
	return list, total, nil
}

// ToolCheck returns a check run of a tool.
func (q queries) ToolCheck(ctx context.Context, repoID, id int64) (*actions.CheckRun, error) {
	c, err := db.One(ctx, q.ex, toolCheckList.Scan, `select `+toolCheckList.Columns+` from `+toolCheckList.Table+` `+toolCheckList.Joins+`
		where c.repo_id = $1 and c.id = $2`, repoID, ofTools(id))
	if err != nil {
		return nil, fmt.Errorf("check run %d: %w", id, err)
	}
	return c.CheckRun, nil
}

// CreateToolCheck adds a check run to the suite of its commit and creator, which it makes
// where there is none, and sets its id and that of the suite. Of those of one name the
// newest most stay.
func (tx *Tx) CreateToolCheck(ctx context.Context, c *actions.CheckRun, branch string, most int) error {
	suite, err := db.One(ctx, tx.ex, db.Value[int64], `insert into check_suites (repo_id, head_sha, head_branch, creator_id, created_at, updated_at)
		values ($1, $2, $3, $4, $5, $5) on conflict (repo_id, head_sha, creator_id) do update set updated_at = $5, asked = 0 returning id`,
		c.RepoID, c.HeadSHA, branch, c.Creator.ID, db.Micros(c.CreatedAt))
	if err == nil {
		c.ID, err = db.One(ctx, tx.ex, db.Value[int64], `insert into check_runs (repo_id, suite_id, head_sha, name, external_id, details_url, status, conclusion,
				title, summary, body, actions, creator_id, started_at, completed_at, created_at)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) returning id`,
			c.RepoID, suite, c.HeadSHA, c.Name, c.ExternalID, c.DetailsURL, c.Status, c.Conclusion,
			c.Title, c.Summary, c.Text, db.Text(c.Actions), c.Creator.ID, db.Micros(c.StartedAt), db.Micros(c.CompletedAt), db.Micros(c.CreatedAt))
	}
	if err == nil {
		_, err = db.Exec(ctx, tx.ex, `delete from check_runs where suite_id = $1 and name = $2
			and id <= (select id from check_runs where suite_id = $1 and name = $2 order by id desc limit 1 offset $3)`, suite, c.Name, most)
	}
	if err != nil {
		return fmt.Errorf("check run of %s in repository %d: %w", c.HeadSHA, c.RepoID, err)
	}
	c.ID, c.SuiteID = c.ID+actions.ToolChecks, suite+actions.ToolChecks
	tx.Publish(RepoTopic(c.RepoID))
	return nil
}

// UpdateToolCheck saves what may change of a check run.
func (tx *Tx) UpdateToolCheck(ctx context.Context, c *actions.CheckRun, now time.Time) error {
	err := db.ExecOne(ctx, tx.ex, `update check_runs set name = $2, external_id = $3, details_url = $4, status = $5, conclusion = $6, title = $7, summary = $8,
		body = $9, actions = $10, started_at = $11, completed_at = $12 where id = $1`,
		ofTools(c.ID), c.Name, c.ExternalID, c.DetailsURL, c.Status, c.Conclusion, c.Title, c.Summary, c.Text, db.Text(c.Actions), db.Micros(c.StartedAt), db.Micros(c.CompletedAt))
	if err == nil {
		_, err = db.Exec(ctx, tx.ex, `update check_suites set updated_at = $2, asked = 0 where id = $1`, ofTools(c.SuiteID), db.Micros(now))
	}
	if err != nil {
		return fmt.Errorf("check run %d: %w", c.ID, err)
	}
	tx.Publish(RepoTopic(c.RepoID))
	return nil
}

// AskSuite notes that the suite of a tool is asked to run again.
func (tx *Tx) AskSuite(ctx context.Context, c *actions.CheckRun, now time.Time) error {
	return tx.exec(ctx, RepoTopic(c.RepoID), `update check_suites set updated_at = $2, asked = 1 where id = $1`, ofTools(c.SuiteID), db.Micros(now))
}

// CountToolChecks is how many check runs tools have made of a commit.
func (q queries) CountToolChecks(ctx context.Context, repoID int64, sha string) (int, error) {
	return db.One(ctx, q.ex, db.Value[int], `select count(*) from check_runs where repo_id = $1 and head_sha = $2`, repoID, sha)
}

var suiteList = db.List[*actions.CheckSuite]{
	Table: `check_suites s`, ID: `s.id`, Joins: `join accounts a on a.id = s.creator_id`,
	Columns: `s.id, s.repo_id, s.head_sha, s.head_branch, s.asked, s.created_at, s.updated_at, ` + prefixed("a", accountColumns),
	Scan: func(row db.Row) (*actions.CheckSuite, error) {
		s := new(actions.CheckSuite)
		fields := []any{&s.ID, &s.RepoID, &s.HeadSHA, &s.HeadBranch, db.Bool(&s.Asked), db.Time(&s.CreatedAt), db.Time(&s.UpdatedAt)}
		err := row.Scan(append(fields, accountFields(&s.Creator)...)...)
		s.ID += actions.ToolChecks
		return s, err
	},
}.Order(`s.id desc`)

// CheckSuites lists a page of the check suites of tools, with how their check runs stand. Of
// the filter count the id of a suite, the commit, the app and the name of a check run.
func (q queries) CheckSuites(ctx context.Context, f CheckFilter, p Page) ([]*actions.CheckSuite, int, error) {
	l := suiteList.Where(`s.repo_id = ?`, f.RepoID).Narrow(`s.id = ?`, ofTools(f.SuiteID)).Narrow(`s.head_sha = ?`, f.HeadSHA)
	if f.Name != "" {
		l = l.Where(`exists (select 1 from check_runs c where c.suite_id = s.id and c.name = ?)`, f.Name)
	}
	if f.App == actions.ActionsApp {
		l = l.Where(`exists (select 1 from accounts b where b.id = s.creator_id and b.login = ?)`, actions.JobBot)
	} else if f.App != 0 {
		l = l.Where(`s.creator_id = ?`, f.App-actions.ToolChecks)
	}
	repoID, name := f.RepoID, f.Name
	list, total, err := l.Page(ctx, q.ex, p)
	if err != nil {
		return nil, 0, fmt.Errorf("check suites of repository %d: %w", repoID, err)
	}
	ids, sums := make([]int64, len(list)), make(map[int64]*actions.Sum, len(list))
	found := make(map[int64]*actions.CheckSuite, len(list))
	for i, s := range list {
		ids[i], found[ofTools(s.ID)], sums[ofTools(s.ID)] = ofTools(s.ID), s, new(actions.Sum)
	}
	type result struct {
		suite      int64
		name       string
		status     actions.Status
		conclusion actions.Conclusion
	}
	scan := func(row db.Row) (r result, err error) {
		return r, row.Scan(&r.suite, &r.name, &r.status, &r.conclusion)
	}
	for args, marks := range db.Batches(ids) {
		results, err := db.All(ctx, q.ex, scan, `select c.suite_id, c.name, c.status, c.conclusion from check_runs c where c.suite_id in (`+marks+`)
			and not exists (select 1 from check_runs n where n.suite_id = c.suite_id and n.name = c.name and n.id > c.id)`, args...)
		if err != nil {
			return nil, 0, fmt.Errorf("check suites of repository %d: %w", repoID, err)
		}
		for _, r := range results {
			sums[r.suite].Add(r.status, r.conclusion)
			if name == "" || name == r.name {
				found[r.suite].CheckRuns++
			}
		}
	}
	for id, s := range found {
		switch sum := sums[id]; {
		case s.Asked:
			s.Status = actions.Queued
		case sum.Open:
			s.Status = actions.InProgress
		default:
			s.Status, s.Conclusion = actions.Completed, sum.Conclusion
		}
	}
	return list, total, nil
}

// AddCheckNotes adds annotations to a check run of a tool, and returns how many it has.
func (tx *Tx) AddCheckNotes(ctx context.Context, id int64, notes []*actions.CheckNote) (int, error) {
	for _, n := range notes {
		_, err := db.Exec(ctx, tx.ex, `insert into check_notes (check_run_id, path, start_line, end_line, start_column, end_column, level, title, message, raw_details)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
			ofTools(id), n.Path, n.StartLine, n.EndLine, n.StartColumn, n.EndColumn, n.Level, n.Title, n.Message, n.RawDetails)
		if err != nil {
			return 0, fmt.Errorf("annotation of check run %d: %w", id, err)
		}
	}
	return db.One(ctx, tx.ex, db.Value[int], `select count(*) from check_notes where check_run_id = $1`, ofTools(id))
}

var checkNoteList = db.List[*actions.CheckNote]{
	Table: `check_notes n`, ID: `n.id`, Columns: `n.id, n.path, n.start_line, n.end_line, n.start_column, n.end_column, n.level, n.title, n.message, n.raw_details`,
	Scan: func(r db.Row) (*actions.CheckNote, error) {
		n := new(actions.CheckNote)
		return n, r.Scan(&n.ID, &n.Path, &n.StartLine, &n.EndLine, &n.StartColumn, &n.EndColumn, &n.Level, &n.Title, &n.Message, &n.RawDetails)
	},
}.Order(`n.id`)

// CheckNotes lists a page of the annotations of a check run of a tool, oldest first, and
// how many there are.
func (q queries) CheckNotes(ctx context.Context, id int64, p Page) ([]*actions.CheckNote, int, error) {
	list, total, err := checkNoteList.Where(`n.check_run_id = ?`, ofTools(id)).Page(ctx, q.ex, p)
	if err != nil {
		return nil, 0, fmt.Errorf("annotations of check run %d: %w", id, err)
	}
	return list, total, nil
}
