package assign

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/plan"
	"github.com/understudy-ci/understudy/internal/plan/contexts"
	"github.com/understudy-ci/understudy/internal/settings"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/token"
	"github.com/understudy-ci/understudy/internal/vault"
	"github.com/understudy-ci/understudy/internal/workflow"
)

// A Description is what a runner is told about the job that it has acquired.
type Description struct {
	Job      *actions.Job
	PlanID   string             // of the attempt
	Workflow *workflow.Workflow // that the run was planned from
	Spec     *workflow.Job      // the job in it

	Contexts *expr.Object // those that only the server knows; no matrix for a job without one
	Debug    bool         // people asked for debug logs
	Env      []Variable   // of all steps, unless the workflow has them, too

	Access          string            // the token by which the runner reports
	StepsAccess     string            // the token by which the job's steps reach artifacts and caches
	OrchestrationID string            // names the job in the logs of actions
	Token           string            // GITHUB_TOKEN
	Grants          map[string]string // its permissions, by scope
	Caches          actions.CacheMode // what the job may do with caches
	Secrets         []vault.JobSecret // by name
}

// IDTokens says whether the job may ask for OIDC tokens.
func (d *Description) IDTokens() bool { return d.Grants["id-token"] == "write" }

// An assignment is a job and all that its description is made of.
type assignment struct {
	job      *actions.Job
	run      *actions.Run
	attempt  *actions.Attempt
	repo     *actions.Repository
	source   *contexts.Source
	spec     *workflow.Job
	jobs     []plan.Job        // of the attempt, if the job needs any
	settings contexts.Settings // of the repository
	token    string            // GITHUB_TOKEN
	grants   map[string]string // its permissions
	secrets  []vault.JobSecret

	noSecrets bool // it gets none, since it does what a fork says
}

// load reads the job with its run, if the runner may take it now. Nothing is
// changed yet: [queue.Queue.Acquire] decides again.
func (a *Assigner) load(ctx context.Context, guid string, r *actions.Runner) (*assignment, error) {
	if uuid.Validate(guid) != nil {
		return nil, actions.Errorf(actions.NotFound, "job %.60q", guid)
	}
	as := &assignment{}
	var err error
	if as.job, err = a.store.JobByGUID(ctx, strings.ToLower(guid)); err != nil {
		return nil, err
	}
	asked := *as.job
	if err := asked.Acquire(r, a.now(), 0); err != nil {
		return nil, err
	}
	if as.run, as.attempt, err = a.attemptOf(ctx, as.job); err != nil {
		return nil, err
	}
	as.repo, err = a.repository(ctx, as.job.RepoID)
	return as, err
}

// read finds the job in its workflow, and the jobs that it needs. An error of kind
// Invalid means that the job cannot be described to any runner.
func (a *Assigner) read(ctx context.Context, as *assignment) (err error) {
	if as.source, err = a.sources.Of(ctx, as.run); err != nil {
		return err
	}
	if as.spec = as.source.Workflow.Job(as.job.Key); as.spec == nil {
		return actions.Errorf(actions.Invalid, "the workflow has no job %q", as.job.Key)
	}
	if len(as.spec.Needs) > 0 { // they are completed, and do not change any more
		if as.jobs, err = a.store.PlanJobs(ctx, as.run.ID, as.job.Attempt); err != nil {
			return err
		}
	}
	if as.settings, err = a.settings.OfRun(ctx, as.repo); err != nil {
		return err
	}
	byDefault, err := settings.Get(ctx, a.settings, settings.Repo(as.repo), settings.WorkflowPermissions)
	if err != nil {
		return err
	}
	as.grants = grants(as.source.Workflow, as.spec, byDefault)
	if as.run.Restricted() {
		forks, err := a.settings.ForkRunsOf(ctx, as.repo)
		if err != nil {
			return err
		}
		as.grants, as.noSecrets = lowered(as.grants, forks.WriteTokens), !forks.Secrets
	}
	return nil
}

// readSecrets reads the secrets of a job that its runner has acquired, and the variables
// of its environment. That has no rule: who acquires the job is asked. A secret that
// cannot be decrypted is Invalid.
func (a *Assigner) readSecrets(ctx context.Context, as *assignment) (err error) {
	if as.noSecrets { // PRM-4
		return nil
	}
	var environmentID int64
	if as.job.Environment != "" {
		e, err := a.store.Environment(ctx, as.job.RepoID, as.job.Environment)
		switch {
		case err == nil:
			environmentID = e.ID
		case actions.KindOf(err) != actions.NotFound: // it was deleted
			return err
		}
	}
	if environmentID != 0 {
		if as.settings.Vars, err = a.settings.VarsIn(ctx, as.settings.Vars, environmentID); err != nil {
			return err
		}
	}
	if a.vault == nil {
		return nil
	}
	as.secrets, err = a.vault.Secrets(ctx, as.repo, environmentID)
	return err
}

// describe makes the description of a job that its runner has acquired.
func (a *Assigner) describe(as *assignment, base shape.Base) (*Description, error) {
	d := &Description{
		Job: as.job, PlanID: as.attempt.PlanID, Workflow: as.source.Workflow, Spec: as.spec, Debug: as.attempt.Debug,
		OrchestrationID: as.attempt.PlanID + "." + as.job.GUID, Token: as.token, Grants: as.grants, Caches: as.cacheMode(), Secrets: as.secrets,
	}
	start := as.job.StartedAt // not now: a runner that asks again gets the same tokens
	said := token.Job{
		PlanGUID: d.PlanID, GUID: as.job.GUID, RepoID: as.repo.ID, RunID: as.run.ID, ID: as.job.ID,
		OrchestrationID: d.OrchestrationID, Caches: as.cacheScopes(d.Caches), IDTokens: d.IDTokens(), Acquired: start, Expires: as.end(start),
	}
	var err error
	if d.Access, err = a.keys.SignJob(said, start); err != nil {
		return nil, err
	}
	said.ForSteps = true
	if d.StepsAccess, err = a.keys.SignJob(said, start); err != nil {
		return nil, err
	}
	base.HTML, d.Env = serverOf(a.serverURL, base)
	run := &contexts.Run{Run: as.run, Repo: as.repo, Source: as.source, Settings: as.settings, Base: base}
	d.Contexts, err = run.Job(as.job, as.jobs)
	return d, err
}

// slack is how long a job's tokens are valid after the job must have ended: for
// uploads, and because a runner cannot get a second one (AUTH-2).
const slack = time.Hour

// end is when the tokens of a job that starts at the given time expire.
func (as *assignment) end(start time.Time) time.Time {
	return start.Add(as.job.Timeout + as.job.CancelTimeout + slack)
}
