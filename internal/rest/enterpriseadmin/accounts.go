package enterpriseadmin

import (
	"net/http"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/rest"
)

// suspendUser serves PUT /users/{username}/suspended.
func (p *page) suspendUser(w http.ResponseWriter, r *http.Request) error {
	return p.setSuspended(w, r, true)
}

// unsuspendUser serves DELETE /users/{username}/suspended.
func (p *page) unsuspendUser(w http.ResponseWriter, r *http.Request) error {
	return p.setSuspended(w, r, false)
}

func (p *page) setSuspended(w http.ResponseWriter, r *http.Request, suspended bool) error {
	u, err := p.other(r, "suspend")
	if err != nil {
		return err
	}
	word := "Unsuspended"
	if suspended {
		word = "Suspended"
	}
	by := rest.CallOf(r).Caller.Account
	body := struct {
		Reason string `json:"reason"`
	}{word + " via API by " + by.Login}
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	if err := actions.CheckLine("reason", body.Reason); err != nil {
		return actions.InField("User", "reason", err)
	}
	if err := p.store.SetSuspended(r.Context(), u.ID, suspended, p.now()); err != nil {
		return err
	}
	p.log.InfoContext(r.Context(), "account suspended or not", "account", u.ID, "suspended", suspended, "by", by.ID, "reason", body.Reason)
	p.sayNotice(w, r)
	return rest.NoContent(w)
}

// deleteUser serves DELETE /admin/users/{username}. It is a conflict while the
// repositories of the account would be nobody's: GitHub deletes them with it.
func (p *page) deleteUser(w http.ResponseWriter, r *http.Request) error {
	u, err := p.other(r, "delete")
	if err != nil {
		return err
	}
	if err := p.store.DeleteAccount(r.Context(), u.ID, p.now()); err != nil {
		return err
	}
	p.log.InfoContext(r.Context(), "account deleted", "account", u.ID, "login", u.Login, "by", rest.CallOf(r).Caller.Account.ID)
	return rest.NoContent(w)
}

// other is the account that the path names, which is not the caller's own.
func (p *page) other(r *http.Request, what string) (*actions.Account, error) {
	u, err := rest.PathUser(r, p.store)
	if err == nil && u.ID == rest.CallOf(r).Caller.Account.ID {
		err = actions.Errorf(actions.Forbidden, "You cannot %s your own account.", what)
	}
	return u, err
}

// sayNotice says what else the operator should know now.
func (p *page) sayNotice(w http.ResponseWriter, r *http.Request) {
	if text := p.notice(r.Context()); text != "" {
		w.Header().Set(rest.NoticeHeader, text)
	}
}
