package graphql

import (
	"context"
	"strings"

	gql "github.com/graph-gophers/graphql-go"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
)

// A commitNode is a commit of a pull request.
type commitNode struct {
	Oid word

	pull *pullNode
	read *actions.Commit // nil until somebody asks for what is in it
}

// commit is a commit of the pull request; nil for none.
func (p *pullNode) commit(sha string) *commitNode {
	if sha == "" {
		return nil
	}
	return &commitNode{Oid: word(sha), pull: p}
}

// is reads the commit.
func (c *commitNode) is(ctx context.Context) (*actions.Commit, error) {
	if c.read != nil {
		return c.read, nil
	}
	if err := c.pull.reads(ctx, readsCode); err != nil {
		return nil, err
	}
	if err := spend(ctx, leastCost); err != nil {
		return nil, err
	}
	full, err := c.pull.api.Git.View(c.pull.repo.ID).Commit(ctx, string(c.Oid))
	if err != nil {
		return nil, err
	}
	return &full.Commit, nil
}

// AbbreviatedOid is the beginning of the commit's id.
func (c *commitNode) AbbreviatedOid() string { return string(c.Oid[:min(len(c.Oid), 7)]) }

// MessageHeadline is the first line of its message.
func (c *commitNode) MessageHeadline(ctx context.Context) (string, error) {
	is, err := c.is(ctx)
	if err != nil {
		return "", err
	}
	first, _, _ := strings.Cut(is.Message, "\n")
	return first, nil
}

// MessageBody is the rest of it.
func (c *commitNode) MessageBody(ctx context.Context) (string, error) {
	is, err := c.is(ctx)
	if err != nil {
		return "", err
	}
	_, rest, _ := strings.Cut(is.Message, "\n")
	return strings.TrimSpace(rest), nil
}

// CommittedDate is when it was made as it is.
func (c *commitNode) CommittedDate(ctx context.Context) (word, error) {
	is, err := c.is(ctx)
	if err != nil {
		return "", err
	}
	return instant(is.Committer.Time), nil
}

// AuthoredDate is when its author made it.
func (c *commitNode) AuthoredDate(ctx context.Context) (word, error) {
	is, err := c.is(ctx)
	if err != nil {
		return "", err
	}
	return instant(is.Author.Time), nil
}

type authorList struct {
	TotalCount int32
	Nodes      *[]*author
}

type author struct {
	Name, Email *string
	User        *account // not known here
}

// Authors are who made the commit: here one.
func (c *commitNode) Authors(ctx context.Context, _ listing) (*authorList, error) {
	is, err := c.is(ctx)
	if err != nil {
		return nil, err
	}
	return &authorList{1, &[]*author{{Name: &is.Author.Name, Email: &is.Author.Email}}}, nil
}

// A rollup is what all checks of a commit come to.
type rollup struct {
	State    string
	contexts []*checkContext
}

// maxContexts bounds the checks of a commit that are told.
const maxContexts = 1000

var (
	readsChecks   = auth.Need{On: auth.Repo, Role: actions.Read, Permission: "checks"}
	readsStatuses = auth.Need{On: auth.Repo, Role: actions.Read, Permission: "statuses"}
)

// StatusCheckRollup is what the checks of the commit come to; null where it has none.
func (c *commitNode) StatusCheckRollup(ctx context.Context) (*rollup, error) {
	if err := c.pull.reads(ctx, readsChecks); err != nil {
		return nil, err
	}
	if err := spend(ctx, leastCost); err != nil {
		return nil, err
	}
	st, repoID := c.pull.api.Store, c.pull.repo.ID
	list, _, err := st.CheckRuns(ctx, store.CheckFilter{RepoID: repoID, HeadSHA: string(c.Oid)}, store.Page{Number: 1, Size: maxContexts})
	if err != nil {
		return nil, err
	}
	var required *actions.RequiredChecks
	switch rule, err := st.Protection(ctx, repoID, c.pull.is.BaseRef); {
	case err == nil:
		required = rule.Rules.Checks
	case actions.KindOf(err) != actions.NotFound:
		return nil, err
	}
	out := &rollup{State: "SUCCESS"}
	for _, run := range list {
		shown := c.checkRun(ctx, run)
		shown.required = required.Has(run.Name, run.App())
		out.contexts = append(out.contexts, &checkContext{run: shown})
		out.add(run.Status, run.Conclusion)
	}
	if c.pull.reads(ctx, readsStatuses) == nil {
		statuses, err := st.LatestStatuses(ctx, repoID, string(c.Oid))
		if err != nil {
			return nil, err
		}
		for _, s := range statuses[:min(len(statuses), maxContexts)] {
			shown, result := newStatus(s), s.Result()
			shown.required = required.Has(s.Context, result.App)
			out.contexts = append(out.contexts, &checkContext{status: shown})
			out.add(result.Status, result.Conclusion)
		}
	}
	if len(out.contexts) == 0 {
		return nil, nil
	}
	return out, nil
}

// add makes the state that of one more check, too.
func (r *rollup) add(status actions.Status, conclusion actions.Conclusion) {
	if r.State == "FAILURE" {
		return
	}
	if status != actions.Completed {
		r.State = "PENDING"
		return
	}
	switch conclusion {
	case actions.Success, actions.Skipped, actions.Neutral:
	case actions.Failure, actions.Cancelled, actions.TimedOut, actions.StartupFailure, actions.ActionRequired, actions.Stale:
		r.State = "FAILURE"
	}
}

type contextList struct {
	TotalCount int32
	Nodes      *[]*checkContext
	PageInfo   pageInfo
}

// Contexts are the checks.
func (r *rollup) Contexts(ctx context.Context, args listing) (*contextList, error) {
	p, err := partOf("contexts", args.First, args.After)
	if err != nil {
		return nil, err
	}
	list, total, info, err := read(ctx, p, func(page store.Page) ([]*checkContext, int, error) {
		return actions.Slice(page, r.contexts), len(r.contexts), nil
	})
	if err != nil {
		return nil, err
	}
	return &contextList{size(total), &list, info}, nil
}

// A checkContext is a check of one of two kinds.
type checkContext struct {
	run    *checkRun
	status *statusContext
}

// ToCheckRun is the check as a check run.
func (c *checkContext) ToCheckRun() (*checkRun, bool) { return c.run, c.run != nil }

// ToStatusContext is the check as a commit status.
func (c *checkContext) ToStatusContext() (*statusContext, bool) { return c.status, c.status != nil }

type checkRun struct {
	DatabaseID  *int32
	Name        string
	Status      string
	Conclusion  *string
	StartedAt   *word
	CompletedAt *word
	DetailsURL  *word
	Title       *string
	Summary     *string
	Text        *string
	CheckSuite  checkSuite

	required bool
}

type checkSuite struct{ WorkflowRun *workflowRun }

type workflowRun struct {
	DatabaseID *int32
	Event      string
	Workflow   workflowOf
}

type workflowOf struct{ Name string }

type ofPull struct {
	PullRequestID     *gql.ID
	PullRequestNumber *int32
}

// IsRequired says whether a pull request cannot be merged without the check.
func (r *checkRun) IsRequired(ofPull) bool { return r.required }

type statusContext struct {
	Context, State string
	Description    *string
	TargetURL      *word
	CreatedAt      word

	required bool
}

// IsRequired says whether a pull request cannot be merged without the check.
func (s *statusContext) IsRequired(ofPull) bool { return s.required }

func (c *commitNode) checkRun(ctx context.Context, run *store.CheckRun) *checkRun {
	details := word(run.DetailsURL)
	if details == "" {
		details = word(shape.CheckHTML(callOf(ctx).base, c.pull.repo, run.CheckRun))
	}
	v := &checkRun{
		DatabaseID: number(run.ID), Name: run.Name, Status: strings.ToUpper(string(run.Status)), Conclusion: shape.Null(strings.ToUpper(string(run.Conclusion))),
		StartedAt: moment(run.StartedAt), CompletedAt: moment(run.CompletedAt), DetailsURL: &details,
		Title: shape.Null(run.Title), Summary: shape.Null(run.Summary), Text: shape.Null(run.Text),
	}
	if run.Job != nil {
		v.CheckSuite.WorkflowRun = &workflowRun{number(run.SuiteID), run.Event, workflowOf{run.Workflow}}
	}
	return v
}

func newStatus(s *actions.CommitStatus) *statusContext {
	v := &statusContext{Context: s.Context, State: strings.ToUpper(string(s.State)), Description: shape.Null(s.Description), CreatedAt: instant(s.CreatedAt)}
	if s.TargetURL != "" {
		target := word(s.TargetURL)
		v.TargetURL = &target
	}
	return v
}
