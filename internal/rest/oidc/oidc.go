// Package oidc is the page "OIDC" of the reference: what the subjects of the OIDC tokens
// of jobs are made of. Claims of custom properties are not served, for repositories have
// none.
package oidc

import (
	"net/http"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/settings"
)

// Routes are the operations of the page.
func Routes(s *settings.Settings) []rest.Route {
	const (
		org  = "/orgs/{org}/actions/oidc/customization/sub"
		repo = "/repos/{owner}/{repo}/actions/oidc/customization/sub"
		docs = "rest/actions/oidc#"
	)
	p := &page{s}
	return []rest.Route{
		{
			Pattern: "GET " + org, Handle: p.getOrganization, Docs: docs + "get-the-customization-template-for-an-oidc-subject-claim-for-an-organization",
			Need: auth.Need{On: auth.Org, Role: actions.Admin, Permission: "organization_administration", Level: auth.ReadLevel, Scopes: []string{"read:org"}},
		},
		{
			Pattern: "PUT " + org, Handle: p.setOrganization, Docs: docs + "set-the-customization-template-for-an-oidc-subject-claim-for-an-organization",
			Need: auth.Need{On: auth.Org, Role: actions.Admin, Permission: "organization_administration", Scopes: []string{"write:org"}},
		},
		{
			Pattern: "GET " + repo, Handle: p.getRepository, Docs: docs + "get-the-customization-template-for-an-oidc-subject-claim-for-a-repository",
			Need: auth.Need{On: auth.Repo, Role: actions.Read, Permission: "actions", SignedIn: true},
		},
		{
			Pattern: "PUT " + repo, Handle: p.setRepository, Docs: docs + "set-the-customization-template-for-an-oidc-subject-claim-for-a-repository",
			Need: auth.Need{On: auth.Repo, Role: actions.Admin, Permission: "actions"},
		},
	}
}

type page struct{ settings *settings.Settings }

// getOrganization serves GET /orgs/{org}/actions/oidc/customization/sub.
func (p *page) getOrganization(w http.ResponseWriter, r *http.Request) error {
	org := rest.CallOf(r).Org
	keys, err := p.settings.OrgSubjectKeys(r.Context(), org)
	if err != nil {
		return err
	}
	immutable, err := settings.Get(r.Context(), p.settings, settings.Org(org), settings.ImmutableSubject)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, struct {
		Keys      []string `json:"include_claim_keys"`
		Immutable bool     `json:"use_immutable_subject"`
	}{keys, immutable})
}

// A change is what a client wants. What it does not say stays.
type change struct {
	UseDefault *bool     `json:"use_default"` // of a repository
	Keys       *[]string `json:"include_claim_keys"`
	Immutable  *bool     `json:"use_immutable_subject"`
}

// save makes a change of a scope; template is what it says of the subject, nil for nothing.
func (p *page) save(w http.ResponseWriter, r *http.Request, sc settings.Scope, c change, template *actions.SubjectTemplate) error {
	var to []settings.Change
	if template != nil {
		to = append(to, settings.Set(settings.SubjectTemplate, *template))
	}
	if c.Immutable != nil {
		to = append(to, settings.Set(settings.ImmutableSubject, *c.Immutable))
	}
	if err := p.settings.Update(r.Context(), sc, to...); err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusCreated, struct{}{})
}

// setOrganization serves PUT /orgs/{org}/actions/oidc/customization/sub.
func (p *page) setOrganization(w http.ResponseWriter, r *http.Request) error {
	var c change
	if err := httpjson.Decode(r, &c, httpjson.DefaultLimit); err != nil {
		return err
	}
	var template *actions.SubjectTemplate
	if c.Keys != nil {
		template = &actions.SubjectTemplate{Keys: *c.Keys}
	}
	return p.save(w, r, settings.Org(rest.CallOf(r).Org), c, template)
}

// getRepository serves GET /repos/{owner}/{repo}/actions/oidc/customization/sub.
func (p *page) getRepository(w http.ResponseWriter, r *http.Request) error {
	repo := rest.CallOf(r).Repo
	own, err := p.settings.OwnSubject(r.Context(), settings.Repo(repo))
	if err != nil {
		return err
	}
	immutable, err := settings.Get(r.Context(), p.settings, settings.Repo(repo), settings.ImmutableSubject)
	if err != nil {
		return err
	}
	prefix, err := p.settings.SubjectPrefix(r.Context(), repo)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, struct {
		UseDefault bool     `json:"use_default"`
		Keys       []string `json:"include_claim_keys,omitempty"`
		Immutable  bool     `json:"use_immutable_subject"`
		Prefix     string   `json:"sub_claim_prefix"`
	}{!own.Custom, own.Keys, immutable, prefix})
}

// setRepository serves PUT /repos/{owner}/{repo}/actions/oidc/customization/sub.
func (p *page) setRepository(w http.ResponseWriter, r *http.Request) error {
	var c change
	if err := httpjson.Decode(r, &c, httpjson.DefaultLimit); err != nil {
		return err
	}
	if c.UseDefault == nil {
		return actions.Errorf(actions.Invalid, "Invalid request.\n\n\"use_default\" wasn't supplied.")
	}
	template := &actions.SubjectTemplate{Custom: !*c.UseDefault}
	if template.Custom && c.Keys != nil { // with the default they count for nothing
		template.Keys = *c.Keys
	}
	return p.save(w, r, settings.Repo(rest.CallOf(r).Repo), c, template)
}
