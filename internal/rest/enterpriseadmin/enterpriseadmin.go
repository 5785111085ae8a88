// Package enterpriseadmin is "Enterprise administration" in the reference of the
// Enterprise Server, the pages "Users" and "Organizations": what admins of the site do.
package enterpriseadmin

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
)

// Routes are the operations of the pages. notice is what the operator should know
// when an account has been made, or is not suspended any more, "" for nothing.
func Routes(st *store.Store, au *auth.Auth, log *slog.Logger, notice func(context.Context) string, now func() time.Time) []rest.Route {
	const docs = "enterprise-server@3.19/rest/enterprise-admin/"
	administer := auth.Need{On: auth.Site, Role: actions.Admin, Scopes: []string{"site_admin"}}
	p := &page{st, au, log, notice, now}
	return []rest.Route{
		{Pattern: "POST /admin/users", Handle: p.createUser, Docs: docs + "users#create-a-user", Need: administer},
		{Pattern: "DELETE /admin/users/{username}", Handle: p.deleteUser, Docs: docs + "users#delete-a-user", Need: administer},
		{Pattern: "PUT /users/{username}/suspended", Handle: p.suspendUser, Docs: docs + "users#suspend-a-user", Need: administer},
		{Pattern: "DELETE /users/{username}/suspended", Handle: p.unsuspendUser, Docs: docs + "users#unsuspend-a-user", Need: administer},
		{Pattern: "POST /admin/organizations", Handle: p.createOrganization, Docs: docs + "orgs#create-an-organization", Need: administer},
		{Pattern: "GET /admin/tokens", Handle: p.listTokens, Docs: docs + "users#list-personal-access-tokens", Need: administer},
		{Pattern: "DELETE /admin/tokens/{token_id}", Handle: p.deleteToken, Docs: docs + "users#delete-a-personal-access-token", Need: administer},
		{Pattern: "POST /admin/users/{username}/authorizations", Handle: p.createImpersonationToken, Docs: docs + "users#create-an-impersonation-oauth-token", Need: administer},
		{Pattern: "DELETE /admin/users/{username}/authorizations", Handle: p.deleteImpersonationToken, Docs: docs + "users#delete-an-impersonation-oauth-token", Need: administer},
	}
}

type page struct {
	store  *store.Store
	auth   *auth.Auth
	log    *slog.Logger
	notice func(context.Context) string
	now    func() time.Time
}

// createUser serves POST /admin/users.
func (p *page) createUser(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Login     string `json:"login"`
		Email     string `json:"email"`
		Suspended bool   `json:"suspended"`
	}
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	now := p.now()
	u := &actions.Account{
		Login: body.Login, Type: actions.User, Email: body.Email, Suspended: body.Suspended,
		CreatedAt: now, UpdatedAt: now,
	}
	if err := checkEmail(body.Email); err != nil {
		return actions.InField("User", "email", err)
	}
	if err := p.create(u, func() error { return p.store.CreateAccount(r.Context(), u) }); err != nil {
		return err
	}
	p.sayNotice(w, r)
	return httpjson.Write(w, http.StatusCreated, shape.NewSimpleUser(rest.CallOf(r).Base, u))
}

// createOrganization serves POST /admin/organizations.
func (p *page) createOrganization(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Login string `json:"login"`
		Admin string `json:"admin"`
		Name  string `json:"profile_name"`
	}
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	if err := actions.InField("Organization", "profile_name", actions.CheckLine("profile_name", body.Name)); err != nil {
		return err
	}
	admin, err := p.store.AccountByLogin(r.Context(), body.Admin)
	if actions.KindOf(err) == actions.NotFound || err == nil && admin.Type != actions.User {
		return actions.BadField("Organization", "admin")
	} else if err != nil {
		return err
	}
	now := p.now()
	org := &actions.Account{Login: body.Login, Type: actions.Organization, Name: body.Name, CreatedAt: now, UpdatedAt: now}
	if err := p.create(org, func() error { return p.store.CreateOrganization(r.Context(), org, admin.ID) }); err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusCreated, shape.NewOrganizationSimple(rest.CallOf(r).Base, org))
}

// create adds an account, which save does.
func (p *page) create(account *actions.Account, save func() error) error {
	err := actions.CheckLogin(account.Login)
	if err == nil {
		err = save()
	}
	if actions.KindOf(err) == actions.Invalid {
		return actions.InField(string(account.Type), "login", err)
	}
	return err
}

func checkEmail(email string) error {
	name, host, ok := strings.Cut(email, "@")
	bad := strings.ContainsFunc(email, func(c rune) bool { return c <= ' ' || c == 0x7f || strings.ContainsRune("<>@,;\"\\", c) && c != '@' })
	if email != "" && (!ok || name == "" || host == "" || strings.Contains(host, "@") || bad || len(email) > 254) {
		return actions.Errorf(actions.Invalid, "email is not an address")
	}
	return nil
}
