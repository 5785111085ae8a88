package oidc

import (
	"context"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/plan/contexts"
	"github.com/understudy-ci/understudy/internal/shape"
)

// An identity is who a job is, to others.
type identity struct {
	repo   *actions.Repository
	event  string
	claims map[string]string // each one of [actions.IDClaims]
}

// read finds out who a job is. Its repository is called as it is called now.
func (i *Issuer) read(ctx context.Context, j *actions.Job) (*identity, error) {
	run, err := i.Store.Run(ctx, j.RunID)
	if err != nil {
		return nil, err
	}
	is := &identity{event: run.Event}
	if is.repo, err = i.Store.Repository(ctx, j.RepoID); err != nil {
		return nil, err
	}
	src, err := i.Sources.Of(ctx, run)
	if err != nil {
		return nil, err
	}
	r := &contexts.Run{Run: run, Repo: is.repo, Source: src, Base: i.Base()}
	is.claims = claims(r, j)
	if j.Environment == "" {
		return is, nil
	}
	switch e, err := i.Store.Environment(ctx, j.RepoID, j.Environment); {
	case err == nil:
		is.claims["environment_node_id"] = shape.NodeID("Environment", e.ID)
	case actions.KindOf(err) != actions.NotFound: // it was deleted
		return nil, err
	}
	return is, nil
}

// ofGitHub are the claims that the context github has by the same name.
var ofGitHub = []string{
	"actor", "actor_id", "base_ref", "event_name", "head_ref", "ref", "ref_protected", "ref_type", "repository", "repository_id",
	"repository_owner", "repository_owner_id", "repository_visibility", "run_attempt", "run_id", "run_number", "sha", "workflow",
	"workflow_ref", "workflow_sha",
}

// ofJob are the claims that the context job has, by the names that they have there.
var ofJob = map[string]string{"check_run_id": "check_run_id", "job_workflow_ref": "workflow_ref", "job_workflow_sha": "workflow_sha"}

// claims are what the contexts of a job say of it, and what only its record does.
func claims(r *contexts.Run, j *actions.Job) map[string]string {
	github, job := r.GitHub(), r.JobContext(j)
	told := map[string]string{"enterprise": actions.Enterprise, "runner_environment": actions.RunnerEnvironment}
	for _, name := range ofGitHub {
		told[name] = text(github, name)
	}
	for claim, name := range ofJob {
		told[claim] = text(job, name)
	}
	if j.Environment != "" {
		told["environment"] = j.Environment
	}
	return told
}

func text(context *expr.Object, name string) string {
	v, _ := context.Get(name)
	return expr.String(v)
}
