package vault_test

import (
	"crypto/rand"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/crypto/nacl/box"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/secret"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
	"github.com/understudy-ci/understudy/internal/vault"
)

// A world is a vault with an organization that has a private and a public repository.
type world struct {
	*testing.T

	store        *store.Store
	keys         *secret.Keyring
	vault        *vault.Vault
	org          *actions.Account
	repo, public *actions.Repository
}

func each(t *testing.T, test func(w *world)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w := &world{T: t, store: st, keys: ring(t, filepath.Join(t.TempDir(), secret.File))}
		w.vault = vault.New(st, w.keys, time.Now)
		w.must(w.vault.Start(t.Context()))
		owner := w.account("alice", actions.User)
		w.org = w.account("acme", actions.Organization)
		w.must(st.SetMember(t.Context(), w.org.ID, owner.ID, true))
		w.repo, w.public = w.repository("app", true), w.repository("open", false)
		test(w)
	})
}

func ring(t *testing.T, path string) *secret.Keyring {
	t.Helper()
	k, err := secret.Open(path, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) account(login string, kind actions.AccountType) *actions.Account {
	w.Helper()
	a := &actions.Account{Login: login, Type: kind, CreatedAt: time.Now(), UpdatedAt: time.Now()}
	w.must(w.store.CreateAccount(w.Context(), a))
	return a
}

func (w *world) repository(name string, private bool) *actions.Repository {
	w.Helper()
	r := &actions.Repository{Owner: *w.org, Name: name, Private: private, DefaultBranch: "main", CreatedAt: time.Now(), UpdatedAt: time.Now()}
	w.must(w.store.CreateRepository(w.Context(), r))
	return r
}

func (w *world) ofOrg() actions.Holder { return actions.Holder{OrgID: w.org.ID} }

func of(r *actions.Repository) actions.Holder { return actions.Holder{RepoID: r.ID} }

// seal encrypts a value for a holder, as a client does.
func (w *world) seal(h actions.Holder, value string) (keyID string, sealed []byte) {
	w.Helper()
	public, err := w.vault.PublicKey(w.Context(), h)
	w.must(err)
	sealed, err = box.SealAnonymous(nil, []byte(value), (*[32]byte)(public.Key), rand.Reader)
	w.must(err)
	return public.ID, sealed
}

// save gives a holder a secret.
func (w *world) save(h actions.Holder, name, value string, v actions.Visibility, selected ...int64) {
	w.Helper()
	c := vault.SecretChange{Name: name, Visibility: v, Selected: selected}
	c.KeyID, c.Box = w.seal(h, value)
	_, err := w.vault.SaveSecret(w.Context(), h, c)
	w.must(err)
}

// secrets are what a job gets, as name=value.
func (w *world) secrets(r *actions.Repository) []string {
	w.Helper()
	list, err := w.vault.Secrets(w.Context(), r, 0)
	w.must(err)
	out := make([]string, 0, len(list))
	for _, s := range list {
		out = append(out, fmt.Sprintf("%s=%s", s.Name, s.Value.Reveal()))
	}
	return out
}
