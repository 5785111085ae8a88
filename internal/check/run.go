package check

import (
	"context"
	"slices"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/event"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
)

const (
	maxOfName  = 1000 // check runs of a suite with one name, as on GitHub: older ones go
	maxNotes   = 5000 // of a check run
	maxToolRun = 10_000
)

// A Report is what a tool says of a commit by a check run; nil for what stays as it is.
type Report struct {
	Name, DetailsURL, ExternalID *string
	Status                       actions.Status
	Conclusion                   actions.Conclusion
	StartedAt, CompletedAt       time.Time
	Output                       *Output
	Actions                      *[]actions.CheckAction
}

// An Output is what a tool has found.
type Output struct {
	Title, Summary, Text *string
	Notes                []*actions.CheckNote // that are added
}

// By is who reports.
type By struct {
	Account *actions.Account
	ByJob   bool
	Base    shape.Base
}

// CreateRun adds a check run of a commit of a repository, which is known to be there.
func (c *Checks) CreateRun(ctx context.Context, by By, repo *actions.Repository, sha string, r Report) (*actions.CheckRun, error) {
	now := c.now()
	run := &actions.CheckRun{RepoID: repo.ID, HeadSHA: sha, Creator: *by.Account, Status: actions.Queued, StartedAt: now, CreatedAt: now}
	if err := r.apply(run, now); err != nil {
		return nil, err
	}
	commit, err := c.git.View(repo.ID).Commit(ctx, sha)
	if err != nil {
		return nil, err
	}
	branches, err := c.branches(ctx, repo.ID, sha)
	if err != nil {
		return nil, err
	}
	branch := ""
	if len(branches) > 0 {
		branch = branches[0]
	}
	var list []*actions.Push
	err = c.store.Update(ctx, func(tx *store.Tx) error {
		if n, err := tx.CountToolChecks(ctx, repo.ID, sha); err != nil {
			return err
		} else if n >= maxToolRun {
			return actions.Errorf(actions.Invalid, "This SHA has reached the maximum number of check runs.")
		}
		made := *run
		if err := tx.CreateToolCheck(ctx, &made, branch, maxOfName); err != nil {
			return err
		}
		if err := addNotes(ctx, tx, &made, r); err != nil {
			return err
		}
		*run = made
		list, err = c.reported(ctx, tx, by, repo, run, &commit.Commit, "created", "")
		return err
	})
	if err != nil {
		return nil, err
	}
	c.happened(ctx, by, list)
	return run, nil
}

// UpdateRun changes a check run that the caller has made.
func (c *Checks) UpdateRun(ctx context.Context, by By, repo *actions.Repository, id int64, r Report) (*actions.CheckRun, error) {
	commit, err := c.commitOf(ctx, repo, id, errOfOthers)
	if err != nil {
		return nil, err
	}
	var run *actions.CheckRun
	var list []*actions.Push
	err = c.store.Update(ctx, func(tx *store.Tx) (err error) {
		list = nil
		if run, err = tx.ToolCheck(ctx, repo.ID, id); err != nil {
			return err
		}
		if run.Creator.ID != by.Account.ID {
			return errOfOthers
		}
		was := run.Status
		if err := r.apply(run, c.now()); err != nil {
			return err
		}
		if err := tx.UpdateToolCheck(ctx, run, c.now()); err != nil {
			return err
		}
		if err := addNotes(ctx, tx, run, r); err != nil {
			return err
		}
		if was != actions.Completed {
			list, err = c.reported(ctx, tx, by, repo, run, commit, "", "")
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	c.happened(ctx, by, list)
	return run, nil
}

var errOfOthers = actions.Errorf(actions.Forbidden, "The check run can only be modified by the account that created it.")

var errNotAgain = actions.Errorf(actions.Invalid, "This check run is not rerequestable: it is a job, which can be re-run.")

// commitOf is the commit of a check run of a tool; ofJob is the error where it is a job.
func (c *Checks) commitOf(ctx context.Context, repo *actions.Repository, id int64, ofJob error) (*actions.Commit, error) {
	if id < actions.ToolChecks {
		if _, err := c.store.RepoJob(ctx, repo.ID, id); err != nil {
			return nil, err
		}
		return nil, ofJob
	}
	run, err := c.store.ToolCheck(ctx, repo.ID, id)
	if err != nil {
		return nil, err
	}
	commit, err := c.git.View(repo.ID).Commit(ctx, run.HeadSHA)
	if err != nil {
		return nil, err
	}
	return &commit.Commit, nil
}

// Again asks for a check run to run again: workflows that hear of it may do so.
func (c *Checks) Again(ctx context.Context, by By, repo *actions.Repository, id int64) error {
	return c.ask(ctx, by, repo, id, "rerequested", "")
}

// Act asks for an action that a check run offers.
func (c *Checks) Act(ctx context.Context, by By, repo *actions.Repository, id int64, identifier string) error {
	return c.ask(ctx, by, repo, id, "requested_action", identifier)
}

func (c *Checks) ask(ctx context.Context, by By, repo *actions.Repository, id int64, action, identifier string) error {
	commit, err := c.commitOf(ctx, repo, id, errNotAgain)
	if err != nil {
		return err
	}
	var list []*actions.Push
	err = c.store.Update(ctx, func(tx *store.Tx) error {
		run, err := tx.ToolCheck(ctx, repo.ID, id)
		if err != nil {
			return err
		}
		if identifier == "" {
			err = tx.AskSuite(ctx, run, c.now())
		} else if !slices.ContainsFunc(run.Actions, func(a actions.CheckAction) bool { return a.Identifier == identifier }) {
			err = actions.Errorf(actions.Invalid, "The check run offers no action %q.", actions.Clip(identifier, 50))
		}
		if err != nil {
			return err
		}
		list, err = c.reported(ctx, tx, by, repo, run, commit, action, identifier)
		return err
	})
	if err == nil {
		c.happened(ctx, by, list)
	}
	return err
}

// apply changes a check run as the report says, and refuses what cannot be.
func (r *Report) apply(run *actions.CheckRun, now time.Time) error {
	set := func(to, value *string) {
		if value != nil {
			*to = *value
		}
	}
	set(&run.Name, r.Name)
	set(&run.DetailsURL, r.DetailsURL)
	set(&run.ExternalID, r.ExternalID)
	if !r.StartedAt.IsZero() {
		run.StartedAt = r.StartedAt.UTC()
	}
	if r.Actions != nil {
		run.Actions = *r.Actions
	}
	if r.Output != nil {
		set(&run.Title, r.Output.Title)
		set(&run.Summary, r.Output.Summary)
		set(&run.Text, r.Output.Text)
		if len(r.Output.Notes) > actions.MaxCheckNotes {
			return actions.InField("CheckRun", "annotations", actions.Errorf(actions.Invalid, "annotations has more than %d elements", actions.MaxCheckNotes))
		}
		for _, n := range r.Output.Notes {
			if err := n.Check(); err != nil {
				return err
			}
		}
	}
	if err := run.Set(r.Status, r.Conclusion, r.CompletedAt.UTC(), now); err != nil {
		return err
	}
	return run.Check()
}

func addNotes(ctx context.Context, tx *store.Tx, run *actions.CheckRun, r Report) error {
	if r.Output == nil || len(r.Output.Notes) == 0 {
		return nil
	}
	n, err := tx.AddCheckNotes(ctx, run.ID, r.Output.Notes)
	if err == nil && n > maxNotes {
		err = actions.InField("CheckRun", "annotations", actions.Errorf(actions.Invalid, "a check run has %d annotations at most", maxNotes))
	}
	run.Annotations = n
	return err
}

// reported notes the events of a check run: what has happened to it, that it is complete,
// and that its suite is.
func (c *Checks) reported(ctx context.Context, tx *store.Tx, by By, repo *actions.Repository, run *actions.CheckRun, commit *actions.Commit, action, identifier string) ([]*actions.Push, error) {
	suites, _, err := tx.CheckSuites(ctx, store.CheckFilter{RepoID: repo.ID, SuiteID: run.SuiteID}, store.Page{Number: 1, Size: 1})
	if err != nil || len(suites) == 0 {
		return nil, err
	}
	e := event.Event{
		Name: "check_run", Repo: repo, Actor: by.Account, ByJob: by.ByJob, Base: by.Base, Check: &event.Check{Run: run, Suite: suites[0], Requested: identifier, Commit: commit},
	}
	var list []*actions.Push
	happen := func(name, action string) error {
		e.Name, e.Action = name, action
		p, err := c.trigger.Happen(ctx, tx, &e)
		list = append(list, p)
		return err
	}
	if action != "" {
		if err := happen("check_run", action); err != nil || action != "created" {
			return list, err
		}
	}
	if run.Status != actions.Completed {
		return list, nil
	}
	if err := happen("check_run", "completed"); err != nil || suites[0].Status != actions.Completed {
		return list, err
	}
	return list, happen("check_suite", "completed")
}

// happened makes the runs of events that are noted.
func (c *Checks) happened(ctx context.Context, by By, list []*actions.Push) {
	for _, p := range list {
		c.trigger.Happened(ctx, by.Base, p)
	}
}
