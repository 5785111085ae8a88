package store

import (
	"context"
	"fmt"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

const deploymentColumns = `id, repo_id, sha, ref, full_ref, task, environment, original, description, payload, transient, production, created_at, updated_at`

func scanDeployment(row db.Row) (*actions.Deployment, error) {
	d := new(actions.Deployment)
	fields := []any{
		&d.ID, &d.RepoID, &d.SHA, &d.Ref, &d.FullRef, &d.Task, &d.Environment, &d.Original, &d.Description, &d.Payload,
		db.Bool(&d.Transient), db.Bool(&d.Production), db.Time(&d.CreatedAt), db.Time(&d.UpdatedAt),
	}
	return d, row.Scan(append(fields, accountFields(&d.Creator)...)...)
}

var deploymentList = db.List[*actions.Deployment]{
	Table: `deployments d`, ID: `d.id`, Joins: `join accounts a on a.id = d.creator_id`,
	Columns: prefixed("d", deploymentColumns) + `, ` + prefixed("a", accountColumns), Scan: scanDeployment,
}.Order(`d.id desc`)

// CreateDeployment adds a deployment and sets its id.
func (tx *Tx) CreateDeployment(ctx context.Context, d *actions.Deployment) (err error) {
	tx.Publish(RepoTopic(d.RepoID))
	d.ID, err = db.One(ctx, tx.ex, db.Value[int64], `insert into deployments
		(repo_id, sha, ref, full_ref, task, environment, original, description, payload, transient, production, creator_id, created_at, updated_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) returning id`,
		d.RepoID, d.SHA, d.Ref, d.FullRef, d.Task, d.Environment, d.Original, d.Description, string(d.Payload), db.Flag(d.Transient), db.Flag(d.Production),
		d.Creator.ID, db.Micros(d.CreatedAt), db.Micros(d.UpdatedAt))
	if err != nil {
		return fmt.Errorf("deployment of repository %d: %w", d.RepoID, err)
	}
	return nil
}

// UpdateDeployment saves what statuses change of a deployment.
func (tx *Tx) UpdateDeployment(ctx context.Context, d *actions.Deployment) error {
	return tx.exec(ctx, RepoTopic(d.RepoID), `update deployments set environment = $2, updated_at = $3 where id = $1`, d.ID, d.Environment, db.Micros(d.UpdatedAt))
}

// DeleteDeployment removes a deployment with its statuses.
func (tx *Tx) DeleteDeployment(ctx context.Context, d *actions.Deployment) error {
	return tx.exec(ctx, RepoTopic(d.RepoID), `delete from deployments where id = $1`, d.ID)
}

// Deployment returns a deployment of a repository.
func (q queries) Deployment(ctx context.Context, repoID, id int64) (*actions.Deployment, error) {
	d, err := db.One(ctx, q.ex, scanDeployment, `select `+deploymentList.Columns+` from `+deploymentList.Table+` `+deploymentList.Joins+` where d.repo_id = $1 and d.id = $2`, repoID, id)
	if err != nil {
		return nil, fmt.Errorf("deployment %d: %w", id, err)
	}
	return d, nil
}

// A DeploymentFilter narrows a list of deployments. Empty fields do not.
type DeploymentFilter struct {
	RepoID                      int64
	SHA, Ref, Task, Environment string
}

// Deployments lists a page of the deployments of a repository, newest first, and how many
// there are.
func (q queries) Deployments(ctx context.Context, f DeploymentFilter, p Page) ([]*actions.Deployment, int, error) {
	list, total, err := deploymentList.Where(`d.repo_id = ?`, f.RepoID).Narrow(`d.sha = ?`, f.SHA).Narrow(`d.ref = ?`, f.Ref).
		Narrow(`d.task = ?`, f.Task).Narrow(`d.environment = ?`, f.Environment).Page(ctx, q.ex, p)
	if err != nil {
		return nil, 0, fmt.Errorf("deployments of repository %d: %w", f.RepoID, err)
	}
	return list, total, nil
}

// CountDeployments is how many deployments a repository has.
func (q queries) CountDeployments(ctx context.Context, repoID int64) (int, error) {
	return db.One(ctx, q.ex, db.Value[int], `select count(*) from deployments where repo_id = $1`, repoID)
}

// SupersededDeployments lists deployments to an environment whose newest status says success,
// which another takes the place of: those made before it, but for lasting ones that people use.
func (q queries) SupersededDeployments(ctx context.Context, by *actions.Deployment, most int) ([]*actions.Deployment, error) {
	return deploymentList.Where(`d.repo_id = ? and d.environment = ? and d.id < ? and d.transient = 0 and d.production = 0`, by.RepoID, by.Environment, by.ID).
		Where(`(select s.state from deployment_statuses s where s.deployment_id = d.id order by s.id desc limit 1) = 'success'`).First(ctx, q.ex, most)
}

const deploymentStatusColumns = `id, deployment_id, state, description, environment, environment_url, log_url, created_at`

func scanDeploymentStatus(row db.Row) (*actions.DeploymentStatus, error) {
	s := new(actions.DeploymentStatus)
	fields := []any{&s.ID, &s.DeploymentID, &s.State, &s.Description, &s.Environment, &s.EnvironmentURL, &s.LogURL, db.Time(&s.CreatedAt)}
	return s, row.Scan(append(fields, accountFields(&s.Creator)...)...)
}

var deploymentStatusList = db.List[*actions.DeploymentStatus]{
	Table: `deployment_statuses s`, ID: `s.id`, Joins: `join accounts a on a.id = s.creator_id`,
	Columns: prefixed("s", deploymentStatusColumns) + `, ` + prefixed("a", accountColumns), Scan: scanDeploymentStatus,
}.Order(`s.id desc`)

// CreateDeploymentStatus adds a status of a deployment and sets its id.
func (tx *Tx) CreateDeploymentStatus(ctx context.Context, d *actions.Deployment, s *actions.DeploymentStatus) (err error) {
	tx.Publish(RepoTopic(d.RepoID))
	s.DeploymentID = d.ID
	s.ID, err = db.One(ctx, tx.ex, db.Value[int64], `insert into deployment_statuses (deployment_id, state, description, environment, environment_url, log_url, creator_id, created_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8) returning id`, d.ID, s.State, s.Description, s.Environment, s.EnvironmentURL, s.LogURL, s.Creator.ID, db.Micros(s.CreatedAt))
	if err != nil {
		return fmt.Errorf("status of deployment %d: %w", d.ID, err)
	}
	return nil
}

// DeploymentStatuses lists a page of the statuses of a deployment, newest first, and how many
// there are.
func (q queries) DeploymentStatuses(ctx context.Context, deploymentID int64, p Page) ([]*actions.DeploymentStatus, int, error) {
	return deploymentStatusList.Where(`s.deployment_id = ?`, deploymentID).Page(ctx, q.ex, p)
}

// DeploymentStatus returns a status of a deployment.
func (q queries) DeploymentStatus(ctx context.Context, deploymentID, id int64) (*actions.DeploymentStatus, error) {
	s, err := db.One(ctx, q.ex, scanDeploymentStatus, `select `+deploymentStatusList.Columns+` from `+deploymentStatusList.Table+` `+deploymentStatusList.Joins+
		` where s.deployment_id = $1 and s.id = $2`, deploymentID, id)
	if err != nil {
		return nil, fmt.Errorf("deployment status %d: %w", id, err)
	}
	return s, nil
}
