// Package contexts builds the contexts of a run: what its expressions may name.
//
// A [Run] has all that they are made of: the records of the run and its
// repository, the [Source] that it was planned from, what is set for the repository,
// and the addresses by which it is reached. [Run.Contexts] are those that hold
// for the whole run: github, inputs and vars. They are what package plan
// evaluates with, before there is any job. [Run.Job] adds what one job sees:
// needs, strategy, matrix and job. Contexts that only a runner knows, such as
// runner, env and steps, are not made here.
//
// Planning and the description of a job for its runner both take them from
// here, so an expression means the same to both.
package contexts

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/plan"
	"github.com/understudy-ci/understudy/internal/shape"
)

// Settings are what is set for the repository of a run: see package settings.
type Settings struct {
	RetentionDays int // for which artifacts are kept
	CacheGB       int // that all of its caches may take

	ForkVars bool // runs of forks see the variables, too

	Vars *expr.Object // the context vars, which is shared and not to be changed; nil for an empty one
}

// A Run is what its contexts are made of.
type Run struct {
	Run      *actions.Run
	Repo     *actions.Repository
	Source   *Source
	Settings Settings
	Base     shape.Base // where the run finds the server; see [Source.Base]
}

// Contexts are those of the run: github, inputs and vars.
func (r *Run) Contexts() *expr.Object {
	vars := r.Settings.Vars
	if vars == nil || r.Run.Restricted() && !r.Settings.ForkVars {
		vars = expr.NewObject()
	}
	return expr.NewObject().
		Set("github", r.GitHub()).
		Set("inputs", r.Source.Inputs).
		Set("vars", vars)
}

// Job returns the contexts of job j: those of the run, and needs, strategy,
// matrix and job. The rows are those of j's attempt; only the ones that j needs
// are looked at.
func (r *Run) Job(j *actions.Job, rows []plan.Job) (*expr.Object, error) {
	row, err := plan.Row(j)
	if err != nil {
		return nil, err
	}
	all, err := plan.Contexts(&plan.Run{Path: r.Source.Workflow.Path, Files: r.Source.Files, Contexts: r.Contexts(), Jobs: rows}, row)
	if err != nil {
		return nil, fmt.Errorf("contexts of job %d: %w", j.ID, err)
	}
	return all.Set("job", r.JobContext(j)), nil
}

// JobContext is the context job of job j, less what only the runner knows.
func (r *Run) JobContext(j *actions.Job) *expr.Object {
	return expr.NewObject().
		Set("check_run_id", float64(j.ID)).
		Set("workflow_ref", r.workflowRef()).
		Set("workflow_sha", r.Run.SHA).
		Set("workflow_repository", r.Repo.FullName()).
		Set("workflow_file_path", r.Run.Path)
}

// workflowRef names the workflow file at the ref that started the run.
func (r *Run) workflowRef() string { return r.Repo.FullName() + "/" + r.Run.Path + "@" + r.Run.Ref }

// branchOf is the branch of the head or of the base of the pull request that the run is
// about; empty for other events (TRG-2).
func (r *Run) branchOf(side string) string {
	if r.Run.Event != "pull_request" && r.Run.Event != "pull_request_target" {
		return ""
	}
	return r.Source.pullBranch(side)
}

// GitHub is the context github of an attempt (CTX-7), less
// what only the runner knows.
func (r *Run) GitHub() *expr.Object {
	run := r.Run
	refType, secrets := "branch", "Actions"
	if run.Restricted() {
		secrets = "None"
	}
	if strings.HasPrefix(run.Ref, actions.TagPrefix) {
		refType = "tag"
	}
	_, host, _ := strings.Cut(r.Base.HTML, "://")
	id := func(n int64) string { return strconv.FormatInt(n, 10) }
	return expr.NewObject().
		Set("ref", run.Ref).
		Set("sha", run.SHA).
		Set("repository", r.Repo.FullName()).
		Set("repository_id", id(r.Repo.ID)).
		Set("repository_owner", r.Repo.Owner.Login).
		Set("repository_owner_id", id(r.Repo.Owner.ID)).
		Set("repositoryUrl", "git://"+host+"/"+r.Repo.FullName()+".git").
		Set("repository_visibility", r.Repo.Visibility()).
		Set("run_id", id(run.ID)).
		Set("run_number", id(run.Number)).
		Set("run_attempt", id(int64(run.Attempt))).
		Set("retention_days", id(int64(r.Settings.RetentionDays))).
		Set("artifact_cache_size_limit", id(int64(r.Settings.CacheGB))).
		Set("actor", run.Actor.Login).
		Set("actor_id", id(run.Actor.ID)).
		Set("triggering_actor", run.Triggering.Login).
		Set("workflow", run.Name).
		Set("workflow_ref", r.workflowRef()).
		Set("workflow_sha", run.SHA).
		Set("head_ref", r.branchOf("head")).
		Set("base_ref", r.branchOf("base")).
		Set("event_name", run.Event).
		Set("event", r.Source.Event).
		Set("server_url", r.Base.HTML).
		Set("api_url", r.Base.API).
		Set("graphql_url", strings.TrimSuffix(r.Base.API, "/v3")+"/graphql").
		Set("ref_name", actions.ShortRef(run.Ref)).
		Set("ref_protected", false).
		Set("ref_type", refType).
		Set("secret_source", secrets)
}
