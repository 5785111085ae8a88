package vault

import (
	"context"
	"slices"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/secret"
	"github.com/understudy-ci/understudy/internal/store"
)

// A SecretChange is what a client wants of a secret.
type SecretChange struct {
	Name  string
	KeyID string // of the public key
	Box   []byte // the value, encrypted with it; nil to keep the value that there is

	Visibility actions.Visibility // of an organization's
	Selected   []int64            // its repositories, where the visibility is selected; nil to keep them
}

// SaveSecret gives a holder a secret, or a new value to the one of that name, and says
// whether it is new.
func (v *Vault) SaveSecret(ctx context.Context, h actions.Holder, c SecretChange) (created bool, err error) {
	name, err := actions.SecretName(c.Name)
	if err != nil {
		return false, err
	}
	err = v.store.Update(ctx, func(tx *store.Tx) error {
		created = false
		keyID, err := tx.NewestSecretKey(ctx)
		if err != nil {
			return err
		}
		s := &actions.Secret{Holder: h, Name: name, Visibility: c.Visibility, KeyID: keyID, CreatedAt: v.now(), UpdatedAt: v.now()}
		value, err := v.value(ctx, tx, s, c)
		if err != nil {
			return err
		}
		if s.Sealed, err = v.keys.Seal(keyID, identity(s), value); err != nil {
			return err
		}
		if created, err = tx.SaveSecret(ctx, s); err != nil {
			return err
		}
		return reselect(ctx, tx, h, actions.SelectedForSecret, name, c.Visibility, c.Selected)
	})
	return created, err
}

// value is the one that a change gives a secret, or the one that it has.
func (v *Vault) value(ctx context.Context, tx *store.Tx, s *actions.Secret, c SecretChange) (secret.Value, error) {
	if c.Box == nil {
		was, err := tx.Secret(ctx, s.Holder, s.Name)
		if actions.KindOf(err) == actions.NotFound {
			return secret.Value{}, actions.Missing("Secret", "encrypted_value")
		}
		if err != nil {
			return secret.Value{}, err
		}
		return v.open(was)
	}
	value, err := v.keys.OpenBox(s.KeyID, place(s.Holder), c.KeyID, c.Box)
	if err != nil {
		return value, err
	}
	return value, actions.CheckHeldValue("Secret", value.Reveal())
}

func (v *Vault) open(s *actions.Secret) (secret.Value, error) {
	value, err := v.keys.Open(s.KeyID, identity(s), s.Sealed)
	if err != nil {
		return value, unreadable(s, err)
	}
	return value, nil
}

// reselect brings the selection of a secret or variable into line with its visibility.
func reselect(ctx context.Context, tx *store.Tx, h actions.Holder, what actions.Selecting, name string, is actions.Visibility, ids []int64) error {
	if h.Kind() != actions.HeldByOrganization {
		return nil
	}
	sel := actions.Selection{For: what, OrgID: h.OrgID, Name: name}
	switch {
	case is != actions.VisibleToSelected && len(ids) > 0:
		return actions.Errorf(actions.Invalid, "selected_repository_ids can only be given where the visibility is selected")
	case is != actions.VisibleToSelected:
		return tx.DropSelection(ctx, sel)
	case ids == nil:
		return nil
	}
	return tx.ChangeSelection(ctx, sel, actions.SelectionChange{Set: ids})
}

// DeleteSecret removes a secret.
func (v *Vault) DeleteSecret(ctx context.Context, h actions.Holder, name string) error {
	return v.store.Update(ctx, func(tx *store.Tx) error { return tx.DeleteSecret(ctx, h, name) })
}

// errNotSelected is the error for a selection of what is not for selected repositories.
func errNotSelected(what string, is actions.Visibility) error {
	return actions.Errorf(actions.Conflict, "The visibility of the %s is %s, not selected", what, is)
}

// SelectedForSecret lists a page of the repositories that are selected for an
// organization's secret, and how many there are.
func (v *Vault) SelectedForSecret(ctx context.Context, sel actions.Selection, p actions.Page) ([]*actions.Repository, int, error) {
	return v.store.SelectedRepositories(ctx, sel, p)
}

// SelectForSecret changes which repositories are selected for an organization's secret.
// It is a Conflict if the secret is not for selected ones.
func (v *Vault) SelectForSecret(ctx context.Context, sel actions.Selection, c actions.SelectionChange) error {
	return v.store.Update(ctx, func(tx *store.Tx) error {
		s, err := tx.Secret(ctx, actions.Holder{OrgID: sel.OrgID}, sel.Name)
		if err != nil {
			return err
		}
		if s.Visibility != actions.VisibleToSelected {
			return errNotSelected("secret", s.Visibility)
		}
		return tx.ChangeSelection(ctx, sel, c)
	})
}

// A JobSecret is what a job gets of a secret.
type JobSecret struct {
	Name  string
	Value secret.Value
}

// Secrets are those of a job of a repository: by name the one of its environment (0 for
// none), else of the repository, else of the organization. One that cannot be decrypted,
// since it was moved to another row, is Invalid.
func (v *Vault) Secrets(ctx context.Context, r *actions.Repository, environmentID int64) ([]JobSecret, error) {
	list, err := v.store.JobSecrets(ctx, r, environmentID)
	if err != nil {
		return nil, err
	}
	nearest := make(map[string]*actions.Secret, len(list))
	for _, s := range list {
		if was, ok := nearest[s.Name]; !ok || nearer(s.Holder, was.Holder) {
			nearest[s.Name] = s
		}
	}
	out := make([]JobSecret, 0, len(nearest))
	for _, s := range list {
		if nearest[s.Name] != s {
			continue
		}
		value, err := v.open(s)
		if err != nil {
			return nil, err
		}
		out = append(out, JobSecret{s.Name, value})
	}
	slices.SortFunc(out, func(a, b JobSecret) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// nearer says whether what a has comes before what b has.
func nearer(a, b actions.Holder) bool { return rank(a) > rank(b) }

func rank(h actions.Holder) int {
	switch h.Kind() {
	case actions.HeldByEnvironment:
		return 2
	case actions.HeldByRepository:
		return 1
	case actions.HeldByOrganization:
	}
	return 0
}
