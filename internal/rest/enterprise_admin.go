package rest

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/token"
)

// siteAdmin is nil if the caller may do what only site admins do.
func (a *API) siteAdmin(r *http.Request) error {
	return a.Auth.CanAdminister(callOf(r).caller, "site_admin")
}

// custom is the error for one field, in the words of whoever knows the rule.
func custom(resource, field string, err error) error {
	return httpjson.Invalid("Validation Failed", httpjson.FieldError{
		Resource: resource, Code: "custom", Field: field, Message: httpjson.Message(err),
	})
}

// createUser serves POST /admin/users.
func (a *API) createUser(w http.ResponseWriter, r *http.Request) error {
	if err := a.siteAdmin(r); err != nil {
		return err
	}
	var body struct {
		Login     string `json:"login"`
		Email     string `json:"email"`
		Suspended bool   `json:"suspended"`
	}
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	now := a.Now()
	u := &actions.Account{
		Login: body.Login, Type: actions.User, Email: body.Email, Suspended: body.Suspended,
		CreatedAt: now, UpdatedAt: now,
	}
	if err := checkEmail(body.Email); err != nil {
		return custom("User", "email", err)
	}
	err := a.createAccount(r.Context(), u, nil)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusCreated, shape.NewSimpleUser(callOf(r).base, u))
}

// createOrganization serves POST /admin/organizations.
func (a *API) createOrganization(w http.ResponseWriter, r *http.Request) error {
	if err := a.siteAdmin(r); err != nil {
		return err
	}
	var body struct {
		Login string `json:"login"`
		Admin string `json:"admin"`
		Name  string `json:"profile_name"`
	}
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	if err := checkText("Organization", "profile_name", body.Name); err != nil {
		return err
	}
	admin, err := a.Store.AccountByLogin(r.Context(), body.Admin)
	if actions.KindOf(err) == actions.NotFound || err == nil && admin.Type != actions.User {
		return httpjson.Invalid("Validation Failed", httpjson.FieldError{Resource: "Organization", Code: "invalid", Field: "admin"})
	} else if err != nil {
		return err
	}
	now := a.Now()
	org := &actions.Account{Login: body.Login, Type: actions.Organization, Name: body.Name, CreatedAt: now, UpdatedAt: now}
	err = a.createAccount(r.Context(), org, func(ctx context.Context, tx *store.Tx) error {
		return tx.SetMember(ctx, org.ID, admin.ID, true)
	})
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusCreated, shape.NewOrganizationSimple(callOf(r).base, org))
}

// createAccount adds an account and, in the same transaction, what then does.
func (a *API) createAccount(ctx context.Context, account *actions.Account, then func(context.Context, *store.Tx) error) error {
	if err := actions.CheckLogin(account.Login); err != nil {
		return custom(string(account.Type), "login", err)
	}
	err := a.Store.Update(ctx, func(tx *store.Tx) error {
		if err := tx.CreateAccount(ctx, account); err != nil || then == nil {
			return err
		}
		return then(ctx, tx)
	})
	if actions.KindOf(err) == actions.Invalid {
		return custom(string(account.Type), "login", err)
	}
	a.Auth.Changed()
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

// impersonation is the note by which such tokens are known.
const impersonation = "Site admin impersonation"

type authorizationJSON struct {
	ID          int64             `json:"id"`
	URL         string            `json:"url"`
	App         map[string]string `json:"app"`
	Token       string            `json:"token"`
	HashedToken string            `json:"hashed_token"`
	LastEight   string            `json:"token_last_eight"`
	Note        string            `json:"note"`
	NoteURL     *string           `json:"note_url"`
	CreatedAt   string            `json:"created_at"`
	UpdatedAt   string            `json:"updated_at"`
	Scopes      []string          `json:"scopes"`
	Fingerprint *string           `json:"fingerprint"`
	ExpiresAt   *string           `json:"expires_at"`
}

// createImpersonationToken serves POST /admin/users/{username}/authorizations.
// It gives no scope that the caller's token lacks.
func (a *API) createImpersonationToken(w http.ResponseWriter, r *http.Request) error {
	if err := a.siteAdmin(r); err != nil {
		return err
	}
	c := callOf(r)
	u, err := a.user(r)
	if err != nil {
		return err
	}
	var body struct {
		Scopes []string `json:"scopes"`
	}
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	for _, scope := range body.Scopes {
		if !slices.Contains(actions.Scopes(), scope) {
			return httpjson.Invalid("Validation Failed", httpjson.FieldError{Resource: "OauthAccess", Code: "invalid", Field: "scopes"})
		}
		if !c.caller.HasScope(scope) {
			return actions.Errorf(actions.Forbidden, "The scope %s is not one of your token's.", scope)
		}
	}
	t := &actions.Token{AccountID: u.ID, Kind: actions.Classic, Note: impersonation, Scopes: append([]string{}, body.Scopes...), CreatedAt: a.Now()}
	text, err := a.Auth.Create(r.Context(), t)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusCreated, authorizationJSON{
		ID:          t.ID,
		URL:         c.base.API + "/admin/users/" + u.Login + "/authorizations",
		App:         map[string]string{"name": "Understudy", "url": c.base.HTML, "client_id": "00000000000000000000"},
		Token:       text,
		HashedToken: hexadecimal(token.Hash(text)),
		LastEight:   text[len(text)-8:],
		Note:        t.Note,
		CreatedAt:   shape.Time(t.CreatedAt),
		UpdatedAt:   shape.Time(t.CreatedAt),
		Scopes:      t.Scopes,
	})
}

// deleteImpersonationToken serves DELETE /admin/users/{username}/authorizations.
func (a *API) deleteImpersonationToken(w http.ResponseWriter, r *http.Request) error {
	if err := a.siteAdmin(r); err != nil {
		return err
	}
	u, err := a.user(r)
	if err != nil {
		return err
	}
	if err := a.Store.DeleteTokensNoted(r.Context(), u.ID, impersonation); err != nil {
		return err
	}
	a.Auth.Changed()
	return noContent(w)
}

// user finds the person of the path.
func (a *API) user(r *http.Request) (*actions.Account, error) {
	u, err := a.Store.AccountByLogin(r.Context(), r.PathValue("username"))
	if err != nil {
		return nil, err
	}
	if u.Type != actions.User {
		return nil, errNotFound
	}
	return u, nil
}
