// Package secrets is the page "Secrets" of the reference: values that jobs get, and
// that no answer has. Clients encrypt them for a public key.
package secrets

import (
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/vault"
)

const docs = "rest/actions/secrets#"

// Routes are the operations of the page.
func Routes(st *store.Store, v *vault.Vault) []rest.Route {
	p := &page{st, v}
	var all []rest.Route
	for _, h := range rest.Holders("organization_secrets", "secrets") {
		public, of := h.Read, h.Article+"-"+h.Name
		if public.On == auth.Repo {
			public.Role = actions.Read
		}
		all = append(all,
			rest.Route{Pattern: "GET " + h.Path + "/secrets", Handle: p.list, Docs: docs + "list-" + h.Name + "-secrets", Need: h.Read},
			rest.Route{Pattern: "GET " + h.Path + "/secrets/public-key", Handle: p.publicKey, Docs: docs + "get-" + of + "-public-key", Need: public},
			rest.Route{Pattern: "GET " + h.Path + "/secrets/{secret_name}", Handle: p.get, Docs: docs + "get-" + of + "-secret", Need: h.Read},
			rest.Route{Pattern: "PUT " + h.Path + "/secrets/{secret_name}", Handle: p.put, Docs: docs + "create-or-update-" + of + "-secret", Need: h.Write},
			rest.Route{Pattern: "DELETE " + h.Path + "/secrets/{secret_name}", Handle: p.delete, Docs: docs + "delete-" + of + "-secret", Need: h.Write},
		)
		switch h.Name {
		case "organization":
			all = append(all, p.selection(h)...)
		case "repository":
			all = append(all, rest.Route{Pattern: "GET " + h.Path + "/organization-secrets", Handle: p.listShared, Docs: docs + "list-repository-organization-secrets", Need: h.Read})
		}
	}
	return all
}

type page struct {
	store *store.Store
	vault *vault.Vault
}

// selection are the operations on the repositories of an organization's secret.
func (p *page) selection(h rest.Holder) []rest.Route {
	path, of := h.Path+"/secrets/{secret_name}/repositories", "-an-organization-secret"
	s := rest.SelectedRepositories{Of: p.selected, List: p.vault.SelectedForSecret, Change: p.vault.SelectForSecret}
	return []rest.Route{
		{Pattern: "GET " + path, Handle: s.Get, Docs: docs + "list-selected-repositories-for" + of, Need: h.Read},
		{Pattern: "PUT " + path, Handle: s.Set, Docs: docs + "set-selected-repositories-for" + of, Need: h.Write},
		{Pattern: "PUT " + path + "/{repository_id}", Handle: s.Add, Docs: docs + "add-selected-repository-to" + of, Need: h.Write},
		{Pattern: "DELETE " + path + "/{repository_id}", Handle: s.Remove, Docs: docs + "remove-selected-repository-from" + of, Need: h.Write},
	}
}

// selected is the selection of the secret that a request names.
func (p *page) selected(r *http.Request) (actions.Selection, error) {
	s, err := p.secret(r)
	if err != nil {
		return actions.Selection{}, err
	}
	return actions.Selection{For: actions.SelectedForSecret, OrgID: s.Holder.OrgID, Name: s.Name}, nil
}

// secret is the one that a request names.
func (p *page) secret(r *http.Request) (*actions.Secret, error) {
	h, name, err := p.named(r)
	if err != nil {
		return nil, err
	}
	return p.store.Secret(r.Context(), h, name)
}

// named is the holder and the name of a secret that must be there.
func (p *page) named(r *http.Request) (actions.Holder, string, error) {
	h, err := rest.HolderOf(r, p.store)
	if err != nil {
		return h, "", err
	}
	name, err := actions.SecretName(r.PathValue("secret_name"))
	if err != nil {
		return h, "", rest.ErrNotFound
	}
	return h, name, nil
}

type secretJSON struct {
	Name       string             `json:"name"`
	CreatedAt  string             `json:"created_at"`
	UpdatedAt  string             `json:"updated_at"`
	Visibility actions.Visibility `json:"visibility,omitempty"`                // of an organization's, for the organization
	Selected   string             `json:"selected_repositories_url,omitempty"` // likewise, where some are selected
}

// secretOf is what the holder of a secret is told of it.
func secretOf(c *rest.Call, s *actions.Secret) secretJSON {
	out := shared(s)
	if c.Org != nil {
		out.Visibility = s.Visibility
		if s.Visibility == actions.VisibleToSelected {
			out.Selected = c.Base.API + "/orgs/" + c.Org.Login + "/actions/secrets/" + s.Name + "/repositories"
		}
	}
	return out
}

// shared is what a repository is told of a secret.
func shared(s *actions.Secret) secretJSON {
	return secretJSON{Name: s.Name, CreatedAt: shape.Time(s.CreatedAt), UpdatedAt: shape.Time(s.UpdatedAt)}
}

type listJSON struct {
	Total   int          `json:"total_count"`
	Secrets []secretJSON `json:"secrets"`
}

// list serves GET …/secrets.
func (p *page) list(w http.ResponseWriter, r *http.Request) error {
	h, err := rest.HolderOf(r, p.store)
	if err != nil {
		return err
	}
	l, c := rest.ListingOf(r), rest.CallOf(r)
	list, total, err := p.store.Secrets(r.Context(), h, l.Page)
	if err != nil {
		return err
	}
	answer := listJSON{total, make([]secretJSON, 0, len(list))}
	for _, s := range list {
		answer.Secrets = append(answer.Secrets, secretOf(c, s))
	}
	l.Link(w, r, total)
	return httpjson.Write(w, http.StatusOK, answer)
}

// listShared serves GET /repos/{owner}/{repo}/actions/organization-secrets.
func (p *page) listShared(w http.ResponseWriter, r *http.Request) error {
	l := rest.ListingOf(r)
	list, total, err := p.store.SharedSecrets(r.Context(), rest.CallOf(r).Repo, l.Page)
	if err != nil {
		return err
	}
	answer := listJSON{total, make([]secretJSON, 0, len(list))}
	for _, s := range list {
		answer.Secrets = append(answer.Secrets, shared(s))
	}
	l.Link(w, r, total)
	return httpjson.Write(w, http.StatusOK, answer)
}

// publicKey serves GET …/secrets/public-key.
func (p *page) publicKey(w http.ResponseWriter, r *http.Request) error {
	h, err := rest.HolderOf(r, p.store)
	if err != nil {
		return err
	}
	key, err := p.vault.PublicKey(r.Context(), h)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, struct {
		ID  string `json:"key_id"`
		Key string `json:"key"`
	}{key.ID, base64.StdEncoding.EncodeToString(key.Key)})
}

// get serves GET …/secrets/{secret_name}.
func (p *page) get(w http.ResponseWriter, r *http.Request) error {
	s, err := p.secret(r)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, secretOf(rest.CallOf(r), s))
}

type putBody struct {
	Value      *string            `json:"encrypted_value"`
	KeyID      string             `json:"key_id"`
	Visibility actions.Visibility `json:"visibility"`
	Selected   rest.RepositoryIDs `json:"selected_repository_ids"`
}

// change is what the body wants of a secret of the holder.
func (b *putBody) change(h actions.Holder, name string) (vault.SecretChange, error) {
	c := vault.SecretChange{Name: name, KeyID: b.KeyID}
	if h.Kind() == actions.HeldByOrganization {
		if err := b.Visibility.Check("Secret"); err != nil {
			return c, err
		}
		c.Visibility, c.Selected = b.Visibility, b.Selected
	}
	if b.Value == nil {
		return c, nil
	}
	if b.KeyID == "" {
		return c, actions.Missing("Secret", "key_id")
	}
	sealed, err := base64.StdEncoding.Strict().DecodeString(*b.Value)
	if err != nil || strings.ContainsAny(*b.Value, "\r\n") {
		return c, actions.Errorf(actions.Invalid, "Invalid request.\n\nencrypted_value is not base64.")
	}
	c.Box = sealed
	return c, nil
}

// put serves PUT …/secrets/{secret_name}.
func (p *page) put(w http.ResponseWriter, r *http.Request) error {
	h, err := rest.HolderOf(r, p.store)
	if err != nil {
		return err
	}
	var body putBody
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	change, err := body.change(h, r.PathValue("secret_name"))
	if err != nil {
		return err
	}
	created, err := p.vault.SaveSecret(r.Context(), h, change)
	if err != nil {
		return err
	}
	if created {
		return httpjson.Write(w, http.StatusCreated, struct{}{})
	}
	return rest.NoContent(w)
}

// delete serves DELETE …/secrets/{secret_name}.
func (p *page) delete(w http.ResponseWriter, r *http.Request) error {
	h, name, err := p.named(r)
	if err != nil {
		return err
	}
	if err := p.vault.DeleteSecret(r.Context(), h, name); err != nil {
		return err
	}
	return rest.NoContent(w)
}
