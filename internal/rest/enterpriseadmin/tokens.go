package enterpriseadmin

import (
	"cmp"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/shape"
)

// impersonation is the note by which such tokens are known.
const impersonation = "Site admin impersonation"

type authorizationJSON struct {
	ID          int64             `json:"id"`
	URL         string            `json:"url"`
	App         map[string]string `json:"app"`
	Token       string            `json:"token"`
	HashedToken string            `json:"hashed_token"`
	LastEight   *string           `json:"token_last_eight"` // known when it is made
	Note        *string           `json:"note"`
	NoteURL     *string           `json:"note_url"`
	CreatedAt   string            `json:"created_at"`
	UpdatedAt   string            `json:"updated_at"`
	Scopes      []string          `json:"scopes"`
	Fingerprint *string           `json:"fingerprint"`
	ExpiresAt   *string           `json:"expires_at"`

	User *shape.SimpleUser `json:"user,omitempty"`
}

// newAuthorizationJSON is a token, without its text: nobody has that.
func newAuthorizationJSON(b shape.Base, t *actions.Token) authorizationJSON {
	a := authorizationJSON{
		ID:          t.ID,
		URL:         b.API + "/admin/tokens/" + strconv.FormatInt(t.ID, 10),
		App:         map[string]string{"name": "Understudy", "url": b.HTML, "client_id": "00000000000000000000"},
		HashedToken: hex.EncodeToString(t.Hash),
		Note:        shape.Null(t.Note),
		CreatedAt:   shape.Time(t.CreatedAt),
		UpdatedAt:   shape.Time(t.CreatedAt),
		Scopes:      append([]string{}, t.Scopes...),
	}
	if !t.LastUsedAt.IsZero() {
		a.UpdatedAt = shape.Time(t.LastUsedAt)
	}
	if !t.ExpiresAt.IsZero() {
		a.ExpiresAt = shape.Null(shape.Time(t.ExpiresAt))
	}
	return a
}

// listTokens serves GET /admin/tokens: those that people keep, of all of them.
func (p *page) listTokens(w http.ResponseWriter, r *http.Request) error {
	c, l := rest.CallOf(r), rest.ListingOf(r)
	tokens, total, err := p.store.PersonalTokens(r.Context(), 0, l.Page)
	if err != nil {
		return err
	}
	list := make([]authorizationJSON, len(tokens))
	for i, t := range tokens {
		who, err := p.store.Account(r.Context(), t.AccountID)
		if err != nil {
			return err
		}
		list[i] = newAuthorizationJSON(c.Base, t)
		list[i].User = shape.NewSimpleUser(c.Base, who)
	}
	l.Link(w, r, total)
	return httpjson.Write(w, http.StatusOK, list)
}

// deleteToken serves DELETE /admin/tokens/{token_id}. What hangs on the token ends
// within a second. The caller's own is in use.
func (p *page) deleteToken(w http.ResponseWriter, r *http.Request) error {
	id, err := httpjson.PathID(r, "token_id")
	if err != nil {
		return err
	}
	if id == rest.CallOf(r).Caller.Token.ID {
		return actions.Errorf(actions.Forbidden, "You cannot delete the token that you use.")
	}
	t, err := p.store.PersonalToken(r.Context(), id)
	if err != nil {
		return err
	}
	if err := p.auth.Revoke(r.Context(), t.ID); err != nil {
		return err
	}
	p.log.InfoContext(r.Context(), "token revoked", "token", t.ID, "account", t.AccountID, "by", rest.CallOf(r).Caller.Account.ID)
	return rest.NoContent(w)
}

// createImpersonationToken serves POST /admin/users/{username}/authorizations.
// It gives no scope that the caller's token lacks, and ends with the caller's account.
func (p *page) createImpersonationToken(w http.ResponseWriter, r *http.Request) error {
	c := rest.CallOf(r)
	u, err := rest.PathUser(r, p.store)
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
			return actions.BadField("OauthAccess", "scopes")
		}
		if !c.Caller.HasScope(scope) {
			return actions.Errorf(actions.Forbidden, "The scope %s is not one of your token's.", scope)
		}
	}
	t := &actions.Token{
		AccountID: u.ID, Kind: actions.Classic, Note: impersonation, Scopes: append([]string{}, body.Scopes...), CreatedAt: p.now(),
		CreatorID: cmp.Or(c.Caller.Token.CreatorID, c.Caller.Account.ID), // who is behind it all
	}
	text, err := p.auth.Create(r.Context(), t)
	if err != nil {
		return err
	}
	a := newAuthorizationJSON(c.Base, t)
	a.URL = c.Base.API + "/admin/users/" + u.Login + "/authorizations"
	a.Token, a.LastEight = text, shape.Null(text[len(text)-8:])
	return httpjson.Write(w, http.StatusCreated, a)
}

// deleteImpersonationToken serves DELETE /admin/users/{username}/authorizations.
func (p *page) deleteImpersonationToken(w http.ResponseWriter, r *http.Request) error {
	u, err := rest.PathUser(r, p.store)
	if err != nil {
		return err
	}
	if err := p.store.DeleteTokensNoted(r.Context(), u.ID, impersonation); err != nil {
		return err
	}
	return rest.NoContent(w)
}
