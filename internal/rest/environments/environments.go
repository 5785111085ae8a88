// Package environments is the page "Deployment environments" of the reference.
//
// What is put there is all that an environment is: a field that is left out, or null, is
// as if it had never been set. Rules make the jobs of an environment wait (see package
// scheduler). There are no teams, so none can be a reviewer.
package environments

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/scheduler"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
)

// Routes are the operations of the page.
func Routes(st *store.Store, au *auth.Auth, s *scheduler.Scheduler) []rest.Route {
	const (
		all  = "/repos/{owner}/{repo}/environments"
		one  = all + "/{environment_name}"
		docs = "rest/deployments/environments#"
	)
	administer := auth.Need{On: auth.Repo, Role: actions.Admin, Permission: "administration"}
	p := &page{st, au, s}
	return []rest.Route{
		{Pattern: "GET " + all, Handle: p.list, Docs: docs + "list-environments", Need: auth.ReadRuns},
		{Pattern: "GET " + one, Handle: p.get, Docs: docs + "get-an-environment", Need: auth.ReadRuns},
		{Pattern: "PUT " + one, Handle: p.put, Docs: docs + "create-or-update-an-environment", Need: administer},
		{Pattern: "DELETE " + one, Handle: p.remove, Docs: docs + "delete-an-environment", Need: administer},
	}
}

type page struct {
	store     *store.Store
	auth      *auth.Auth
	scheduler *scheduler.Scheduler
}

// list serves GET /repos/{owner}/{repo}/environments.
func (p *page) list(w http.ResponseWriter, r *http.Request) error {
	l := rest.ListingOf(r)
	list, total, err := p.store.Environments(r.Context(), rest.CallOf(r).Repo.ID, l.Page)
	if err != nil {
		return err
	}
	answer := struct {
		Total        int                `json:"total_count"`
		Environments []*environmentJSON `json:"environments"`
	}{total, make([]*environmentJSON, len(list))}
	for i, e := range list {
		if answer.Environments[i], err = p.show(r, e); err != nil {
			return err
		}
	}
	l.Link(w, r, total)
	return httpjson.Write(w, http.StatusOK, answer)
}

// get serves GET /repos/{owner}/{repo}/environments/{environment_name}.
func (p *page) get(w http.ResponseWriter, r *http.Request) error {
	e, err := p.store.Environment(r.Context(), rest.CallOf(r).Repo.ID, r.PathValue("environment_name"))
	if err != nil {
		return err
	}
	return p.write(w, r, e)
}

func (p *page) write(w http.ResponseWriter, r *http.Request, e *actions.Environment) error {
	v, err := p.show(r, e)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, v)
}

// A settingsBody is the body of put. Each field may be null.
type settingsBody struct {
	WaitTimer         *int            `json:"wait_timer"`
	PreventSelfReview *bool           `json:"prevent_self_review"`
	Reviewers         *[]reviewerBody `json:"reviewers"`
	Branches          *branchesJSON   `json:"deployment_branch_policy"`
	AdminsBypass      *bool           `json:"can_admins_bypass"`
}

type reviewerBody struct {
	Type actions.ReviewerType `json:"type"`
	ID   int64                `json:"id"`
}

type branchesJSON struct {
	Protected bool `json:"protected_branches"`
	Custom    bool `json:"custom_branch_policies"`
}

// put serves PUT /repos/{owner}/{repo}/environments/{environment_name}.
func (p *page) put(w http.ResponseWriter, r *http.Request) error {
	var body settingsBody
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	e, err := body.environment()
	if err != nil {
		return err
	}
	e.RepoID, e.Name = rest.CallOf(r).Repo.ID, r.PathValue("environment_name")
	if err := e.Check(); err != nil {
		return err
	}
	if err := p.checkReviewers(r, e.Reviewers); err != nil {
		return err
	}
	if err := p.scheduler.SaveEnvironment(r.Context(), e); err != nil {
		return err
	}
	return p.write(w, r, e)
}

// environment is what the body says, less the name.
func (b *settingsBody) environment() (*actions.Environment, error) {
	e := &actions.Environment{
		PreventSelfReview: b.PreventSelfReview != nil && *b.PreventSelfReview,
		AdminsBypass:      b.AdminsBypass == nil || *b.AdminsBypass,
	}
	if b.WaitTimer != nil {
		e.WaitTimer = *b.WaitTimer
	}
	if b.Reviewers != nil {
		for _, r := range *b.Reviewers {
			e.Reviewers = append(e.Reviewers, actions.Reviewer(r))
		}
	}
	if b.Branches != nil {
		switch {
		case b.Branches.Protected == b.Branches.Custom:
			return nil, actions.Errorf(actions.Invalid, "protected_branches and custom_branch_policies cannot have the same value")
		case b.Branches.Protected:
			e.Branches = actions.ProtectedBranches
		default:
			e.Branches = actions.CustomBranches
		}
	}
	return e, nil
}

// checkReviewers is Invalid unless each of them is there, once, and may read the
// repository.
func (p *page) checkReviewers(r *http.Request, reviewers []actions.Reviewer) error {
	seen := make(map[actions.Reviewer]bool)
	for _, reviewer := range reviewers {
		refused := actions.Errorf(actions.Invalid, "Reviewer %s %d could not be found, or does not have read access to the repository", reviewer.Type, reviewer.ID)
		switch {
		case seen[reviewer]:
			return actions.Errorf(actions.Invalid, "Reviewer %s %d is given twice", reviewer.Type, reviewer.ID)
		case reviewer.Type != actions.UserReviewer && reviewer.Type != actions.TeamReviewer:
			return actions.Errorf(actions.Invalid, "Reviewer type must be User or Team")
		case reviewer.Type == actions.TeamReviewer:
			return refused
		}
		seen[reviewer] = true
		a, err := p.store.Account(r.Context(), reviewer.ID)
		if actions.KindOf(err) == actions.NotFound || err == nil && a.Type != actions.User {
			return refused
		}
		if err != nil {
			return err
		}
		may, err := p.auth.AccountPermission(r.Context(), a, rest.CallOf(r).Repo)
		if err != nil {
			return err
		}
		if may < actions.Read {
			return refused
		}
	}
	return nil
}

// remove serves DELETE /repos/{owner}/{repo}/environments/{environment_name}.
func (p *page) remove(w http.ResponseWriter, r *http.Request) error {
	if err := p.scheduler.DeleteEnvironment(r.Context(), rest.CallOf(r).Repo.ID, r.PathValue("environment_name")); err != nil {
		return err
	}
	return rest.NoContent(w)
}

type environmentJSON struct {
	ID           int64         `json:"id"`
	NodeID       string        `json:"node_id"`
	Name         string        `json:"name"`
	URL          string        `json:"url"`
	HTMLURL      string        `json:"html_url"`
	CreatedAt    string        `json:"created_at"`
	UpdatedAt    string        `json:"updated_at"`
	AdminsBypass bool          `json:"can_admins_bypass"`
	Rules        []ruleJSON    `json:"protection_rules"`
	Branches     *branchesJSON `json:"deployment_branch_policy"` // null for every branch and tag
}

// A ruleJSON has the fields of its type only.
type ruleJSON struct {
	ID                int64           `json:"id"`
	NodeID            string          `json:"node_id"`
	Type              string          `json:"type"`
	WaitTimer         *int            `json:"wait_timer,omitempty"`
	PreventSelfReview *bool           `json:"prevent_self_review,omitempty"`
	Reviewers         *[]reviewerJSON `json:"reviewers,omitempty"`
}

type reviewerJSON struct {
	Type     actions.ReviewerType `json:"type"`
	Reviewer *shape.SimpleUser    `json:"reviewer"`
}

// show is the environment as GitHub shows it.
func (p *page) show(r *http.Request, e *actions.Environment) (*environmentJSON, error) {
	c := rest.CallOf(r)
	v := &environmentJSON{
		ID: e.ID, NodeID: shape.NodeID("Environment", e.ID), Name: e.Name,
		URL:       c.RepoURL() + "/environments/" + url.PathEscape(e.Name),
		HTMLURL:   c.RepoHTML() + "/actions?environments_filter=" + url.QueryEscape(e.Name),
		CreatedAt: shape.Time(e.CreatedAt), UpdatedAt: shape.Time(e.UpdatedAt), AdminsBypass: e.AdminsBypass,
		Rules: []ruleJSON{},
	}
	if e.WaitTimer > 0 {
		rule := newRule(e, "wait_timer", 1)
		rule.WaitTimer = &e.WaitTimer
		v.Rules = append(v.Rules, rule)
	}
	if len(e.Reviewers) > 0 {
		reviewers, err := p.reviewers(r, e)
		if err != nil {
			return nil, err
		}
		rule := newRule(e, "required_reviewers", 2)
		rule.PreventSelfReview, rule.Reviewers = &e.PreventSelfReview, &reviewers
		v.Rules = append(v.Rules, rule)
	}
	if e.Branches != actions.AnyBranch {
		v.Rules = append(v.Rules, newRule(e, "branch_policy", 3))
		v.Branches = &branchesJSON{Protected: e.Branches == actions.ProtectedBranches, Custom: e.Branches == actions.CustomBranches}
	}
	return v, nil
}

// newRule is a rule of an environment. An environment has at most one of each kind, so
// the number of the kind makes the id.
func newRule(e *actions.Environment, kind string, number int64) ruleJSON {
	id := e.ID*4 + number
	return ruleJSON{ID: id, NodeID: shape.NodeID("Gate", id), Type: kind}
}

// reviewers are those whose accounts are still there. The rule stays without them.
func (p *page) reviewers(r *http.Request, e *actions.Environment) ([]reviewerJSON, error) {
	list := []reviewerJSON{}
	for _, reviewer := range e.Reviewers {
		a, err := p.store.Account(r.Context(), reviewer.ID)
		if actions.KindOf(err) == actions.NotFound {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("environment %q: %w", e.Name, err)
		}
		list = append(list, reviewerJSON{reviewer.Type, shape.NewSimpleUser(rest.CallOf(r).Base, a)})
	}
	return list, nil
}
