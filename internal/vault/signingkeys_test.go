package vault_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/secret"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/vault"
)

// signingKey saves a key of OIDC tokens whose private part is the text.
func (w *world) signingKey(id, private string) {
	w.Helper()
	w.must(w.store.Update(w.Context(), func(tx *store.Tx) error {
		k := &actions.SigningKey{ID: id, Certificate: []byte("public"), CreatedAt: time.Now(), SignsFrom: time.Now()}
		if err := w.vault.SealSigningKey(w.Context(), tx, k, secret.New(private)); err != nil {
			return err
		}
		return tx.CreateSigningKey(w.Context(), k)
	}))
}

func (w *world) signingKeys() actions.SigningKeys {
	w.Helper()
	keys, err := w.store.SigningKeys(w.Context())
	w.must(err)
	return keys
}

func TestKeysOfOIDCTokensAreEncryptedAndBoundToTheirRow(t *testing.T) {
	each(t, func(w *world) {
		w.signingKey("A", "private part of A")
		w.signingKey("B", "private part of B")
		keys := w.signingKeys()
		value, err := w.vault.OpenSigningKey(keys[0])
		if err != nil || value.Reveal() != "private part of A" || bytes.Contains(keys[0].Sealed, []byte("private")) {
			t.Errorf("%s, %v of %q", value.Reveal(), err, keys[0].Sealed)
		}
		keys[0].Sealed = keys[1].Sealed
		if _, err := w.vault.OpenSigningKey(keys[0]); actions.KindOf(err) != actions.Invalid {
			t.Errorf("the private key of another row: %v", err)
		}
	})
}

func TestARotationEncryptsKeysOfOIDCTokensAnew(t *testing.T) {
	each(t, func(w *world) {
		w.signingKey("A", "private part of A")
		before := w.signingKeys()[0]
		id, _, err := w.rotate(w.Context(), ring(t, w.keys.Path()))
		w.must(err)
		after := w.signingKeys()[0]
		if named, err := w.store.SecretKeys(w.Context()); err != nil || len(named) != 1 || named[0] != id {
			t.Errorf("the database names %v, %v", named, err)
		}
		value, err := w.vault.OpenSigningKey(after)
		if err != nil || value.Reveal() != "private part of A" || after.KeyID != id || bytes.Equal(before.Sealed, after.Sealed) {
			t.Errorf("%s, %v by %s", value.Reveal(), err, after.KeyID)
		}
	})
}

func TestAKeyOfOIDCTokensGoesWithTheMasterKeyThatIsLost(t *testing.T) {
	each(t, func(w *world) {
		w.signingKey("A", "private part of A")
		named, err := w.store.SecretKeys(w.Context())
		w.must(err)
		if _, err := vault.Discard(w.Context(), w.store, ring(t, t.TempDir()+"/other"), named[0]); err != nil {
			t.Error(err)
		}
		if left := w.signingKeys(); len(left) != 0 {
			t.Errorf("left: %v", left)
		}
	})
}
