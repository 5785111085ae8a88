// Package deployments is the pages "Deployments" and "Deployment statuses" of the reference.
package deployments

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/http"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/deployment"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/limit"
	"github.com/understudy-ci/understudy/internal/repository"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
)

// Routes are the operations of the page; push is what a push by the caller does.
func Routes(st *store.Store, d *deployment.Deployments, push func(*rest.Call) repository.PushFunc) []rest.Route {
	const (
		list     = "/repos/{owner}/{repo}/deployments"
		one      = list + "/{deployment_id}"
		docs     = "rest/deployments/deployments#"
		statuses = "rest/deployments/statuses#"
	)
	p := &page{st, d, push}
	read := auth.Need{On: auth.Repo, Role: actions.Read, Permission: "deployments"}
	write := auth.Need{On: auth.Repo, Role: actions.Write, Permission: "deployments"}
	return []rest.Route{
		{Pattern: "GET " + list, Handle: p.list, Docs: docs + "list-deployments", Need: read},
		{Pattern: "POST " + list, Handle: p.create, Docs: docs + "create-a-deployment", Need: write},
		{Pattern: "GET " + one, Handle: p.get, Docs: docs + "get-a-deployment", Need: read},
		{Pattern: "DELETE " + one, Handle: p.remove, Docs: docs + "delete-a-deployment", Need: write},
		{Pattern: "GET " + one + "/statuses", Handle: p.statuses, Docs: statuses + "list-deployment-statuses", Need: read},
		{Pattern: "POST " + one + "/statuses", Handle: p.setStatus, Docs: statuses + "create-a-deployment-status", Need: write},
		{Pattern: "GET " + one + "/statuses/{status_id}", Handle: p.status, Docs: statuses + "get-a-deployment-status", Need: read},
	}
}

type page struct {
	store       *store.Store
	deployments *deployment.Deployments
	push        func(*rest.Call) repository.PushFunc
}

// deployment is that of the path.
func (p *page) deployment(r *http.Request) (*actions.Deployment, error) {
	id, err := httpjson.PathID(r, "deployment_id")
	if err != nil {
		return nil, err
	}
	return p.store.Deployment(r.Context(), rest.CallOf(r).Repo.ID, id)
}

func (p *page) actor(c *rest.Call) deployment.Actor {
	return deployment.Actor{Account: c.Caller.Account, ByJob: c.Caller.Job() != 0, Base: c.Base, Push: p.push(c)}
}

// list serves GET /repos/{owner}/{repo}/deployments.
func (p *page) list(w http.ResponseWriter, r *http.Request) error {
	c, l := rest.CallOf(r), rest.ListingOf(r)
	f := store.DeploymentFilter{RepoID: c.Repo.ID}
	for name, to := range map[string]*string{"sha": &f.SHA, "ref": &f.Ref, "task": &f.Task, "environment": &f.Environment} {
		if v := l.Query.Get(name); v != "none" {
			*to = v
		}
	}
	list, total, err := p.store.Deployments(r.Context(), f, l.Page)
	if err != nil {
		return err
	}
	answer := make([]*shape.Deployment, 0, len(list))
	for _, d := range list {
		answer = append(answer, shape.NewDeployment(c.Base, c.Repo, d))
	}
	l.Link(w, r, total)
	return httpjson.Write(w, http.StatusOK, answer)
}

// get serves GET /repos/{owner}/{repo}/deployments/{deployment_id}.
func (p *page) get(w http.ResponseWriter, r *http.Request) error {
	d, err := p.deployment(r)
	if err != nil {
		return err
	}
	c := rest.CallOf(r)
	return httpjson.Write(w, http.StatusOK, shape.NewDeployment(c.Base, c.Repo, d))
}

// create serves POST /repos/{owner}/{repo}/deployments.
func (p *page) create(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Ref         string          `json:"ref"`
		Task        string          `json:"task"`
		AutoMerge   *bool           `json:"auto_merge"`
		Contexts    *[]string       `json:"required_contexts"`
		Payload     json.RawMessage `json:"payload"`
		Environment string          `json:"environment"`
		Description string          `json:"description"`
		Transient   bool            `json:"transient_environment"`
		Production  *bool           `json:"production_environment"`
	}
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	if body.Ref == "" {
		return actions.Errorf(actions.Invalid, "Invalid request.\n\n\"ref\" wasn't supplied.")
	}
	d := &actions.Deployment{
		Ref: body.Ref, Task: cmp.Or(body.Task, "deploy"), Environment: cmp.Or(body.Environment, "production"), Description: body.Description,
		Payload: bytes.TrimSpace(body.Payload), Transient: body.Transient,
	}
	switch {
	case len(d.Payload) == 0 || string(d.Payload) == "null":
		d.Payload = []byte("{}")
	case d.Payload[0] != '{' && d.Payload[0] != '"':
		return actions.BadField("Deployment", "payload")
	}
	if d.Production = d.Environment == "production"; body.Production != nil {
		d.Production = *body.Production
	}
	leave, err := limit.Of(r.Context()).Enter(r.Context(), limit.Push) // it may merge
	if err != nil {
		return err
	}
	defer leave()
	c := rest.CallOf(r)
	merged, err := p.deployments.Create(r.Context(), c.Repo, p.actor(c), deployment.Request{
		Deployment: d, AutoMerge: body.AutoMerge == nil || *body.AutoMerge, Contexts: body.Contexts,
	})
	if err != nil {
		return err
	}
	if merged != "" {
		return httpjson.Write(w, http.StatusAccepted, struct {
			Message string `json:"message"`
		}{merged})
	}
	made := shape.NewDeployment(c.Base, c.Repo, d)
	w.Header().Set("Location", made.URL)
	return httpjson.Write(w, http.StatusCreated, made)
}

// remove serves DELETE /repos/{owner}/{repo}/deployments/{deployment_id}.
func (p *page) remove(w http.ResponseWriter, r *http.Request) error {
	d, err := p.deployment(r)
	if err != nil {
		return err
	}
	if err := p.deployments.Delete(r.Context(), d); err != nil {
		return err
	}
	return rest.NoContent(w)
}

// statuses serves GET /repos/{owner}/{repo}/deployments/{deployment_id}/statuses.
func (p *page) statuses(w http.ResponseWriter, r *http.Request) error {
	d, err := p.deployment(r)
	if err != nil {
		return err
	}
	c, l := rest.CallOf(r), rest.ListingOf(r)
	list, total, err := p.store.DeploymentStatuses(r.Context(), d.ID, l.Page)
	if err != nil {
		return err
	}
	answer := make([]*shape.DeploymentStatus, 0, len(list))
	for _, s := range list {
		answer = append(answer, shape.NewDeploymentStatus(c.Base, c.Repo, s))
	}
	l.Link(w, r, total)
	return httpjson.Write(w, http.StatusOK, answer)
}

// status serves GET /repos/{owner}/{repo}/deployments/{deployment_id}/statuses/{status_id}.
func (p *page) status(w http.ResponseWriter, r *http.Request) error {
	d, err := p.deployment(r)
	if err != nil {
		return err
	}
	id, err := httpjson.PathID(r, "status_id")
	if err != nil {
		return err
	}
	s, err := p.store.DeploymentStatus(r.Context(), d.ID, id)
	if err != nil {
		return err
	}
	c := rest.CallOf(r)
	return httpjson.Write(w, http.StatusOK, shape.NewDeploymentStatus(c.Base, c.Repo, s))
}

// setStatus serves POST /repos/{owner}/{repo}/deployments/{deployment_id}/statuses.
func (p *page) setStatus(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		State          string `json:"state"`
		TargetURL      string `json:"target_url"`
		LogURL         string `json:"log_url"`
		Description    string `json:"description"`
		Environment    string `json:"environment"`
		EnvironmentURL string `json:"environment_url"`
		AutoInactive   *bool  `json:"auto_inactive"`
	}
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	d, err := p.deployment(r)
	if err != nil {
		return err
	}
	c := rest.CallOf(r)
	s := &actions.DeploymentStatus{
		State: actions.DeploymentState(body.State), Description: body.Description, Environment: body.Environment, EnvironmentURL: body.EnvironmentURL,
		LogURL: cmp.Or(body.LogURL, body.TargetURL),
	}
	if err := p.deployments.SetStatus(r.Context(), c.Repo, p.actor(c), d, s, body.AutoInactive == nil || *body.AutoInactive); err != nil {
		return err
	}
	made := shape.NewDeploymentStatus(c.Base, c.Repo, s)
	w.Header().Set("Location", made.URL)
	return httpjson.Write(w, http.StatusCreated, made)
}
